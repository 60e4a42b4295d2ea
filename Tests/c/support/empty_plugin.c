/* The smallest plugin: it holds nothing. */
#include "cnn_plugin.h"

static const cnn_plugin plugin = {
    .header = CNN_STRUCT(cnn_plugin),
    .id = "org.example.empty",
};

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host) {
  (void)host;
  return &plugin;
}

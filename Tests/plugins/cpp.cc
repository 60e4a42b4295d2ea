// A plugin in C++11: doubles numbers above zero, with an object of a class as the layer.
#include "cnn_plugin.h"

namespace {

class Leaky {
 public:
  explicit Leaky(int64_t count) : count_(count) {}

  cnn_status forward(const cnn_forward_call &call) const {
    const float *x = call.inputs[0];
    float *y = call.outputs[0];
    for (int64_t i = 0; i < call.batch * count_; i++) y[i] = x[i] > 0 ? 2 * x[i] : 0.1F * x[i];
    return CNN_OK;
  }

  cnn_status backward(const cnn_backward_call &call) const {
    const float *x = call.inputs[0];
    const float *dy = call.output_gradients[0];
    float *dx = call.input_gradients[0];
    if (dx == nullptr) return CNN_OK;
    for (int64_t i = 0; i < call.batch * count_; i++) dx[i] = (x[i] > 0 ? 2 : 0.1F) * dy[i];
    return CNN_OK;
  }

 private:
  int64_t count_;
};

cnn_status create(const cnn_layer_builder *builder, void *, void **out_layer) {
  // Exceptions must not reach the host.
  try {
    const cnn_status status = builder->add_output(builder, nullptr, &builder->inputs[0], 0);
    if (status != CNN_OK) return status;
    *out_layer = new Leaky(cnn_shape_count(&builder->inputs[0]));
    return CNN_OK;
  } catch (...) {
    return builder->host->fail(CNN_OUT_OF_MEMORY, "no memory for the layer");
  }
}

void destroy(void *layer) { delete static_cast<Leaky *>(layer); }

cnn_status forward(void *layer, const cnn_forward_call *call) {
  return static_cast<Leaky *>(layer)->forward(*call);
}

cnn_status backward(void *layer, const cnn_backward_call *call) {
  return static_cast<Leaky *>(layer)->backward(*call);
}

cnn_layer_type make_type() {
  cnn_layer_type type{};
  type.header = CNN_STRUCT(cnn_layer_type);
  type.id = "org.example.cpp";
  type.version = 1;
  type.summary = "2 x above zero, x / 10 below.";
  type.create = create;
  type.destroy = destroy;
  type.forward = forward;
  type.backward = backward;
  return type;
}

}  // namespace

extern "C" CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *) {
  static const cnn_layer_type type = make_type();
  static const cnn_layer_type *const types[] = {&type};
  static cnn_plugin plugin{};
  plugin.header = CNN_STRUCT(cnn_plugin);
  plugin.id = "org.example.cpp";
  plugin.version = "1.0.0";
  plugin.summary = "A layer type in C++.";
  plugin.layer_type_count = 1;
  plugin.layer_types = types;
  return &plugin;
}

/* The headers alone, as strict C99. */
#include "cnn_plugin.h"
#include "cnn.h"
#include "cnn_plugin.h"

int main(void) {
  cnn_model_info info = CNN_MODEL_INFO_INIT;
  cnn_tensor tensor = CNN_TENSOR_INIT;
  cnn_dataset_info data = CNN_DATASET_INFO_INIT;
  cnn_parameter parameter = {.header = CNN_STRUCT(cnn_parameter), .shape = {2, {3, 4}}};
  if (parameter.header.size != sizeof parameter || !CNN_HAS(&parameter, file_axes)) return 1;
  parameter.header.size -= 1;
  if (CNN_HAS(&parameter, file_axes) || !CNN_HAS(&parameter, fan_out)) return 1;
  return info.struct_size == sizeof info && tensor.struct_size == sizeof tensor &&
                 data.struct_size == sizeof data && CNN_VERSION_NUMBER == 100 &&
                 cnn_shape_count(&parameter.shape) == 12
             ? 0
             : 1;
}

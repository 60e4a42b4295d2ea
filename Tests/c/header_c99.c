/* The header alone, as strict C99: see Tests/c/header.sh. */
#include "cnn.h"
#include "cnn.h"

int main(void) {
  cnn_model_info info = CNN_MODEL_INFO_INIT;
  cnn_tensor tensor = CNN_TENSOR_INIT;
  cnn_dataset_info data = CNN_DATASET_INFO_INIT;
  return info.struct_size == sizeof info && tensor.struct_size == sizeof tensor &&
                 data.struct_size == sizeof data && CNN_VERSION_NUMBER == 100
             ? 0
             : 1;
}

/* Runs a model or a plan once, on zeros, and prints what comes out: the C interface in use. */
#include <stdio.h>
#include <stdlib.h>
#include <tessera/tessera.h>

/* A value of an output as text. */
static void print_first(tessera_data_type type, const void* data) {
  switch (type) {
    case TESSERA_FLOAT32:
      printf("%g", (double)*(const float*)data);
      break;
    case TESSERA_INT64:
      printf("%lld", (long long)*(const int64_t*)data);
      break;
    case TESSERA_INT32:
      printf("%d", (int)*(const int32_t*)data);
      break;
    default:
      printf("(of another type)");
      break;
  }
}

static int print_outputs(const tessera_engine* engine, tessera_context* context) {
  for (size_t i = 0; i < tessera_engine_binding_count(engine); ++i) {
    tessera_binding binding = {.struct_size = sizeof binding};
    if (tessera_engine_binding(engine, i, &binding) != TESSERA_OK) return 1;
    if (binding.is_input) continue;
    void* data = malloc(binding.bytes ? binding.bytes : 1);
    int64_t* shape = malloc((binding.rank + 1) * sizeof *shape);
    if (!data || !shape ||
        tessera_context_get_output(context, binding.name, data, binding.bytes, shape) != TESSERA_OK) {
      free(shape);
      free(data);
      return 1;
    }
    printf("%s:", binding.name);
    for (size_t extent = 0; extent < binding.rank; ++extent) printf(" %lld", (long long)shape[extent]);
    printf(", first value ");
    print_first(binding.type, data);
    printf("\n");
    free(shape);
    free(data);
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s model.onnx [device]\n", argv[0]);
    return 2;
  }
  tessera_device* device = NULL;
  tessera_engine* engine = NULL;
  tessera_context* context = NULL;
  const int failed = tessera_device_select(argc > 2 ? argv[2] : NULL, &device) != TESSERA_OK ||
                     tessera_engine_build(argv[1], device, NULL, &engine) != TESSERA_OK ||
                     tessera_context_create(engine, &context) != TESSERA_OK ||
                     tessera_context_run(context) != TESSERA_OK || print_outputs(engine, context) != 0;
  if (failed) fprintf(stderr, "%s\n", tessera_last_error());
  tessera_context_release(context);
  tessera_engine_release(engine);
  tessera_device_release(device);
  return failed;
}

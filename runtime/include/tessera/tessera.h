/** \file
 * Tessera from C, and from every language that calls C: import a model or load a plan, build an engine, run
 * it.
 *
 * Every function that can fail returns a tessera_status; tessera_last_error() then says why, on the same
 * thread. No exception leaves these functions. A handle belongs to the caller, who releases it; releasing
 * NULL does nothing. Text and arrays that a function returns belong to the handle it was asked of and live as
 * long. Handles are used by one thread at a time, engines by any number. Structures begin with their size,
 * set by the caller, so that later versions may append members: those beyond the size given are left alone.
 */
#ifndef TESSERA_TESSERA_H
#define TESSERA_TESSERA_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
#include <CL/cl.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this interface: the first number changes where programs have to be compiled anew. */
#define TESSERA_C_VERSION_MAJOR 1
#define TESSERA_C_VERSION_MINOR 1 /**< changes where something is added */

/** How a call ended; from 1 on as tessera::ErrorCode. */
typedef enum tessera_status {
  TESSERA_OK = 0,               /**< done */
  TESSERA_INVALID_ARGUMENT = 1, /**< the caller passed something that can never work */
  TESSERA_UNSUPPORTED = 2,      /**< valid, but Tessera has no implementation */
  TESSERA_BAD_MODEL = 3,        /**< a model file is damaged or contradicts itself */
  TESSERA_DEVICE_ERROR = 4,     /**< an OpenCL call or a kernel build failed */
  TESSERA_OUT_OF_MEMORY = 5,    /**< the device or the host has no room */
  TESSERA_BAD_CACHE = 6, /**< a plan, calibration or tuning cache is damaged or belongs to something else */
  TESSERA_INTERNAL = 7   /**< a defect of Tessera itself */
} tessera_status;

/** Types of elements, as tessera::DataType. */
typedef enum tessera_data_type {
  TESSERA_FLOAT32 = 1, /**< float */
  TESSERA_FLOAT16 = 2, /**< IEEE binary16 */
  TESSERA_INT8 = 3,    /**< int8_t */
  TESSERA_UINT8 = 4,   /**< uint8_t */
  TESSERA_INT32 = 5,   /**< int32_t */
  TESSERA_INT64 = 6,   /**< int64_t */
  TESSERA_BOOL = 7     /**< one byte, 0 or 1 */
} tessera_data_type;

typedef struct tessera_device tessera_device;   /**< an OpenCL device */
typedef struct tessera_options tessera_options; /**< how to import and build */
typedef struct tessera_engine tessera_engine;   /**< a network ready to run on one device */
typedef struct tessera_context tessera_context; /**< one stream of runs through an engine */

/** What happened in the last call of this thread that did not return TESSERA_OK; "" where there was none. */
const char* tessera_last_error(void);
/** The library's version, "0.1.0" say. */
const char* tessera_version(void);
/** TESSERA_C_VERSION_MAJOR << 16 | TESSERA_C_VERSION_MINOR of the library. */
uint32_t tessera_c_version(void);

/** Severities of messages, from the least important on. */
typedef enum tessera_severity {
  TESSERA_DEBUG = 1,   /**< for developers of Tessera */
  TESSERA_INFO = 2,    /**< what is going on */
  TESSERA_WARNING = 3, /**< something is not as it should be */
  TESSERA_ERROR = 4    /**< something failed */
} tessera_severity;
/** Takes one message, without a line end; called from any thread, one call at a time. */
typedef void (*tessera_log_function)(void* user, tessera_severity severity, const char* message);
/** Sends messages of at least this severity to `function`, which NULL silences. Not to be called while other
 * threads use the library. */
void tessera_set_log(tessera_log_function function, void* user, tessera_severity least);

/** Makes the plugins of a manifest (.json) or a library (.so), or of all in a folder, known to the process,
 * for ever: layers of models may then be theirs. See docs/plugins.md. */
tessera_status tessera_load_plugins(const char* file);

/** How many devices there are. */
size_t tessera_device_count(void);
/** The device with this index. */
tessera_status tessera_device_at(size_t index, tessera_device** device);
/** By index, "cpu", "gpu", or part of a name; NULL or "" prefers a GPU. */
tessera_status tessera_device_select(const char* selector, tessera_device** device);
/** Its name. */
const char* tessera_device_name(const tessera_device* device);
/** Gives the handle back; engines on the device go on. */
void tessera_device_release(tessera_device* device);

/** Options with their defaults: fp32, batch 1, tactics from records. */
tessera_status tessera_options_create(tessera_options** options);
/** "fp32", "fp16" or "int8"; the last needs a calibration. */
tessera_status tessera_options_set_precision(tessera_options* options, const char* precision);
/** A calibration cache, Tessera's or TensorRT's. */
tessera_status tessera_options_set_calibration(tessera_options* options, const char* file);
/** Keeps the layer of this name in fp32; may be called several times. */
tessera_status tessera_options_keep_fp32(tessera_options* options, const char* layer);
/** The batch of models that leave it open. */
tessera_status tessera_options_set_batch(tessera_options* options, int32_t batch);
/** The shape of an input; "*": of every input of so many extents, where the model leaves it open. */
tessera_status tessera_options_set_shape(tessera_options* options, const char* input, const int64_t* extents,
                                         size_t rank);
/** "off", "cached", "fast" or "full", and a budget in seconds (0: the mode's own). */
tessera_status tessera_options_set_tuning(tessera_options* options, const char* mode, double seconds);
/** The folder of tuning records; NULL: records last as long as the engine. */
tessera_status tessera_options_set_tuning_folder(tessera_options* options, const char* folder);
/** Bytes that the kernels of one layer may take beside its operands: tactics that take more are not offered.
 */
tessera_status tessera_options_set_workspace_limit(tessera_options* options, size_t bytes);
/** Gives the handle back. */
void tessera_options_release(tessera_options* options);

/** Imports `model` ("net.onnx", or "net.prototxt,net.caffemodel") and builds it for a device. NULL options:
 * defaults. */
tessera_status tessera_engine_build(const char* model, const tessera_device* device,
                                    const tessera_options* options, tessera_engine** engine);
/** The engine that a plan holds. Of the options only tuning counts. */
tessera_status tessera_engine_load(const char* plan, const tessera_device* device,
                                   const tessera_options* options, tessera_engine** engine);
/** Writes a plan. */
tessera_status tessera_engine_save(const tessera_engine* engine, const char* plan);
/** Adds how the network runs on this engine's device to a plan of the same network. */
tessera_status tessera_engine_append_to(const tessera_engine* engine, const char* plan);
/** Whether no search goes on in the background (mode "background" of tessera_options_set_tuning()): 1 or 0.
 */
int32_t tessera_engine_tuning_done(const tessera_engine* engine);
/** Waits for that; contexts run what was found from their next run on. */
tessera_status tessera_engine_wait_for_tuning(const tessera_engine* engine);
/** Gives the handle back; contexts of the engine go on. */
void tessera_engine_release(tessera_engine* engine);

/** The network's name. */
const char* tessera_engine_name(const tessera_engine* engine);
/** What plans carry beside the network: how images become its input. "" where there is none. */
const char* tessera_engine_description(const tessera_engine* engine);

/** An input or output. */
typedef struct tessera_binding {
  size_t struct_size;     /**< sizeof(tessera_binding), set by the caller */
  const char* name;       /**< of the model's tensor */
  tessera_data_type type; /**< as the host sees it */
  const int64_t* shape;   /**< extents, outermost first: the most there can be */
  size_t rank;            /**< how many extents */
  size_t bytes;           /**< of a buffer that holds it */
  int32_t is_input;       /**< 1: an input */
} tessera_binding;
/** How many bindings there are: inputs, then outputs. */
size_t tessera_engine_binding_count(const tessera_engine* engine);
/** The binding with this index. */
tessera_status tessera_engine_binding(const tessera_engine* engine, size_t index, tessera_binding* binding);

/** Bytes on the device. */
typedef struct tessera_memory {
  size_t struct_size; /**< sizeof(tessera_memory), set by the caller */
  size_t weights;     /**< once an engine */
  size_t activations; /**< once a context */
  size_t bindings;    /**< inputs and outputs, once a context */
  size_t workspace;   /**< the rest, once a context */
} tessera_memory;
/** What the engine takes. */
tessera_status tessera_engine_memory(const tessera_engine* engine, tessera_memory* memory);

/** How one layer runs. */
typedef struct tessera_layer {
  size_t struct_size;    /**< sizeof(tessera_layer), set by the caller */
  const char* name;      /**< in the source model's terms */
  const char* op;        /**< operator */
  const char* family;    /**< of its kernel */
  const char* tactic;    /**< of its kernel */
  const char* precision; /**< "fp32", "fp16" or "int8" */
  double operations;     /**< a multiply-add counts two */
  double bytes;          /**< each operand moved once */
} tessera_layer;
/** How many layers run. */
size_t tessera_engine_layer_count(const tessera_engine* engine);
/** The layer with this index, in order. */
tessera_status tessera_engine_layer(const tessera_engine* engine, size_t index, tessera_layer* layer);

/** Allocates all that runs need; nothing is allocated later. */
tessera_status tessera_context_create(const tessera_engine* engine, tessera_context** context);
/** Gives the handle back. */
void tessera_context_release(tessera_context* context);
/** Copies an input, `bytes` as its binding says. Inputs are zeros until they are set, and stay for later
 * runs. */
tessera_status tessera_context_set_input(tessera_context* context, const char* name, const void* data,
                                         size_t bytes);
/** Runs and waits. */
tessera_status tessera_context_run(tessera_context* context);
/** Copies an output into `bytes` at `data`. `shape` (may be NULL), of the binding's rank, receives its
 * extents, which are less than the binding's where its length depends on values. */
tessera_status tessera_context_get_output(tessera_context* context, const char* name, void* data,
                                          size_t bytes, int64_t* shape);
/** Device time of each layer in milliseconds, medians over `runs` runs, into `milliseconds`, which has room
 * for `count` layers: tessera_engine_layer_count() of them. */
tessera_status tessera_context_profile(tessera_context* context, int32_t runs, double* milliseconds,
                                       size_t count);

/** The context's own in-order queue; not retained. */
cl_command_queue tessera_context_queue(const tessera_context* context);
/** Uses a caller's buffer for a binding from now on, until the context is released; NULL: the own one. */
tessera_status tessera_context_bind(tessera_context* context, const char* name, cl_mem buffer);
/** Enqueues one run on a queue of the device, after `waits`; waits for nothing. `done` (may be NULL) receives
 * an event that the caller releases. */
tessera_status tessera_context_enqueue(tessera_context* context, cl_command_queue queue,
                                       const cl_event* waits, size_t wait_count, cl_event* done);

#ifdef __cplusplus
}
#endif

#endif

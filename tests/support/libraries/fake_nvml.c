// Stands in for NVIDIA's management library: a GPU that takes 1.5 J between two questions.
#include <string.h>

static unsigned long long energy = 1000;

int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
const char* nvmlErrorString(int code) { return code == 6 ? "Not Found" : "Unknown"; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &energy;
  return index == 0 ? 0 : 6;
}
int nvmlDeviceGetHandleByPciBusId_v2(const char* address, void** device) {
  *device = &energy;
  return strcmp(address, "0000:17:00.0") == 0 ? 0 : 6;
}
int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* millijoules) {
  unsigned long long* counter = device;
  *millijoules = *counter;
  *counter += 1500;
  return 0;
}

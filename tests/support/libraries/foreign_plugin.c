/* A library of plugins for an interface of another time. */
const char* tesseraPluginAbi(void) { return "tessera plugin interface 0"; }
void tesseraPlugins(void* list) { *(volatile int*)0 = list != 0; } /* must not be called */

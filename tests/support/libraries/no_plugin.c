/* A library that has nothing to do with Tessera. */
int answer(void) { return 42; }

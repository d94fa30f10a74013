#if defined(_WIN32) || defined(__CYGWIN__)
// Where it is only declared, as in a program that calls it, this says nothing.
#define POSTLINK_ACCESSOR __declspec(dllexport)
#elif defined(__GNUC__)
#define POSTLINK_ACCESSOR __attribute__((visibility("default")))
#else
#define POSTLINK_ACCESSOR
#endif

#if defined(__GNUC__) && !defined(_WIN32) && !defined(__CYGWIN__)
#define POSTLINK_ACCESSOR __attribute__((visibility("hidden")))
#else
#define POSTLINK_ACCESSOR
#endif

// The record's bytes are defined by the Rust half.
extern "C" {
#if defined(__GNUC__) && !defined(_WIN32) && !defined(__CYGWIN__)
__attribute__((visibility("hidden")))
#endif
extern const unsigned char @SYMBOL@[];
}

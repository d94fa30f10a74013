// Plain bytes, the same on every machine: no pointer, no relocation.
struct record {
@MEMBERS@
};
@ASSERTS@
static_assert(sizeof(record) == @SIZE@);

extern "C" {
#if defined(__GNUC__) && !defined(_WIN32) && !defined(__CYGWIN__)
__attribute__((visibility("hidden")))
#endif
extern const record @SYMBOL@;
alignas(@RECORD_ALIGN@) POSTLINK_RECORD const record @SYMBOL@ = {
@INITIALISERS@
};
}

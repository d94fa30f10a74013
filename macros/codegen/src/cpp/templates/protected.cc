#if defined(__ELF__)
// The accessors' symbols, under another name: in each shared library that carries this section they
// are its own (protected visibility), which the declarations in the header cannot say.
#define POSTLINK_PROTECTED(symbol) __asm__(symbol) __attribute__((visibility("protected")))
namespace postlink_protected {
@DECLARATIONS@

#endif
@ACCESSORS@
#if defined(__ELF__)
} // namespace postlink_protected
#undef POSTLINK_PROTECTED
#endif


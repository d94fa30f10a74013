// In the record's section, kept by the linker though nothing may refer to it, and not padded by
// AddressSanitizer.
#if defined(_MSC_VER)
#pragma section("@PE_SECTION@", read)
#define POSTLINK_RECORD __declspec(allocate("@PE_SECTION@"))
#elif defined(_WIN32)
#define POSTLINK_RECORD __attribute__((used, section("@PE_SECTION@")))
#elif defined(__APPLE__)
#define POSTLINK_RECORD __attribute__((used, section("@MACHO_SECTION@"), no_sanitize("address", "hwaddress")))
#elif defined(__clang__)
#define POSTLINK_RECORD __attribute__((used, retain, section("@ELF@"), no_sanitize("address", "hwaddress")))
#elif __GNUC__ >= 11
#define POSTLINK_RECORD __attribute__((used, retain, section("@ELF@")))
#else
#define POSTLINK_RECORD __attribute__((used, section("@ELF@")))
#endif

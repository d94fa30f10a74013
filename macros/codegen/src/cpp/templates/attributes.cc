// In the record's section, kept by the linker though nothing may refer to it, and not padded by
// AddressSanitizer.
#if defined(_MSC_VER) && !defined(__clang__)
#pragma section("@PE_SECTION@", read)
#if defined(__SANITIZE_ADDRESS__)
#define POSTLINK_RECORD __declspec(allocate("@PE_SECTION@")) __declspec(no_sanitize_address)
#else
#define POSTLINK_RECORD __declspec(allocate("@PE_SECTION@"))
#endif
#elif defined(_WIN32) && defined(__clang__)
#define POSTLINK_RECORD __attribute__((used, section("@PE_SECTION@"), no_sanitize("address", "hwaddress")))
#elif defined(_WIN32) || defined(__CYGWIN__)
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

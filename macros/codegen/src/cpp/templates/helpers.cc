namespace {

// The address of the record, hidden from the optimizer: it must not compute with the bytes that
// it sees here, they are changed after the link.
inline const unsigned char *bytes() noexcept
{
#if defined(__GNUC__)
    const unsigned char *start = @ADDRESS@;
    __asm__ volatile("" : "+r"(start));
    return start;
#else
    static const unsigned char *const volatile start = @ADDRESS@;
    return start;
#endif
}

inline std::uint32_t u32(const unsigned char *at) noexcept
{
    return static_cast<std::uint32_t>(at[0]) | static_cast<std::uint32_t>(at[1]) << 8
        | static_cast<std::uint32_t>(at[2]) << 16 | static_cast<std::uint32_t>(at[3]) << 24;
}

[[noreturn]] void stop(const char *field, const char *why, const char *needed) noexcept
{
    std::fputs("postlink: section @SECTION@: field ", stderr);
    std::fputs(field, stderr);
    std::fputs(why, stderr);
    std::fputs(needed, stderr);
    std::fputs("=...\n", stderr);
    std::abort();
}

[[noreturn]] void stop_damaged(const char *field) noexcept
{
    stop(field, "@DAMAGED@", field);
}

struct value {
    const unsigned char *data;
    std::uint32_t size;
    std::uint32_t count;
};

value read(const char *field, const char *needed, std::uint32_t state_offset, std::uint32_t value_offset, std::uint32_t capacity) noexcept
{
    const unsigned char *const start = bytes();
    const unsigned char *const state = start + state_offset;
    const std::uint32_t record_state = u32(start + @VALUES_OFFSET@);
    const std::uint32_t size = u32(state + @LENGTH@);
    if ((record_state != @GENERATED@ && record_state != @FILLED@) || size > capacity)
        stop_damaged(field);
    if (state[0] == @UNSET@)
        stop(field, "@NO_VALUE@", needed);
    return {start + value_offset, size, u32(state + @COUNT@)};
}

@KINDS@
std::uint32_t crc32(std::uint32_t crc, const unsigned char *from, const unsigned char *to) noexcept
{
    constexpr std::uint32_t table[16] = {
@TABLE@};
    for (; from != to; ++from) {
        crc = table[(crc ^ *from) & 15u] ^ (crc >> 4);
        crc = table[(crc ^ (static_cast<std::uint32_t>(*from) >> 4)) & 15u] ^ (crc >> 4);
    }
    return crc;
}

bool is_filled() noexcept
{
    const unsigned char *const values = bytes() + @VALUES_OFFSET@;
    if (u32(values) != @FILLED@)
        return false;
    std::uint32_t crc = crc32(0xffffffffu, values, values + 4);
    crc = crc32(crc, values + @VALUE_HEADER@, values + @VALUES_SIZE@);
    return (crc ^ 0xffffffffu) == u32(values + 4);
}

} // namespace

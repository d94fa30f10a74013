std::uint32_t crc32(std::uint32_t crc, const unsigned char *from, const unsigned char *to) noexcept
{
    constexpr std::uint32_t nibbles[16] = {
@NIBBLES@};
    for (; from != to; ++from) {
        crc = nibbles[(crc ^ *from) & 15u] ^ (crc >> 4);
        crc = nibbles[(crc ^ (static_cast<std::uint32_t>(*from) >> 4)) & 15u] ^ (crc >> 4);
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

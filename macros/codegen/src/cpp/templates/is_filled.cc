// Whether the bytes behind this one are the hash of a store path of Nix: 32 characters of its base-32
// between `/` and `-`. Nix may replace it when a package is built, so no checksum covers it.
bool has_store_hash(const unsigned char *slash, const unsigned char *to) noexcept
{
    if (*slash != '/' || to - slash <= @STORE_HASH@ + 1 || slash[@STORE_HASH@ + 1] != '-')
        return false;
    for (int i = 1; i <= @STORE_HASH@; ++i) {
        const unsigned char c = slash[i];
        const bool is_letter = c >= 'a' && c <= 'z' && c != 'e' && c != 'o' && c != 't' && c != 'u';
        if (!is_letter && (c < '0' || c > '9'))
            return false;
    }
    return true;
}

std::uint32_t crc32(std::uint32_t crc, const unsigned char *from, const unsigned char *to) noexcept
{
    constexpr std::uint32_t nibbles[16] = {
@NIBBLES@};
    int hidden = 0;
    for (; from != to; ++from) {
        const std::uint32_t byte = hidden == 0 ? *from : 0u;
        crc = nibbles[(crc ^ byte) & 15u] ^ (crc >> 4);
        crc = nibbles[(crc ^ (byte >> 4)) & 15u] ^ (crc >> 4);
        if (hidden != 0)
            --hidden;
        else if (has_store_hash(from, to))
            hidden = @STORE_HASH@;
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

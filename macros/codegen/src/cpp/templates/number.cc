std::uint64_t number(const char *field, value found, std::uint32_t size) noexcept
{
    if (found.size != size)
        stop_damaged(field);
    std::uint64_t bits = 0;
    while (size-- != 0)
        bits = bits << 8 | found.data[size];
    return bits;
}

string_list list(const char *field, value found) noexcept
{
    std::uint32_t nuls = 0;
    for (std::uint32_t at = 0; at != found.size; ++at)
        nuls += found.data[at] == 0;
    if (nuls != found.count || (found.size != 0 && found.data[found.size - 1] != 0))
        stop_damaged(field);
    return {reinterpret_cast<const char *>(found.data), found.size, found.count};
}

// An integer, a boolean or an enum.
failure number(const place &at, std::uint64_t &bits) noexcept
{
    bits = 0;
    const found value = find(at);
    if (value.why != failure::none)
        return value.why;
    if (value.size != at.capacity)
        return failure::damaged;
    for (std::uint32_t byte = value.size; byte-- != 0;)
        bits = bits << 8 | value.data[byte];
    return at.names != nullptr && bits >= at.name_count ? failure::damaged : failure::none;
}

template <typename T>
failure read(const place &at, T &value) noexcept
{
    std::uint64_t bits;
    const failure why = number(at, bits);
    value = static_cast<T>(bits);
    if constexpr (std::is_same_v<T, bool>)
        return why == failure::none && bits > 1 ? failure::damaged : why;
    else
        return why;
}

template <typename T>
void put(const sink &out, [[maybe_unused]] const place &at, T value)
{
    if constexpr (std::is_enum_v<T>) {
        put_string(out, at.names[static_cast<std::uint32_t>(value)]);
    } else if constexpr (std::is_same_v<T, bool>) {
        out.put(out.to, value ? "true" : "false");
    } else {
        char digits[20];
        const char *const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
        out.put(out.to, {digits, static_cast<std::size_t>(end - digits)});
    }
}

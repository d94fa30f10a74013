failure read(const place &at, std::string_view &text) noexcept
{
    const found value = find(at);
    if (value.why == failure::none && value.data[value.size] != 0)
        return failure::damaged;
    text = {reinterpret_cast<const char *>(value.data), value.size};
    return value.why;
}

void put(const sink &out, const place &, std::string_view text)
{
    put_string(out, text);
}

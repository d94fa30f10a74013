failure read(const place &at, std::string_view &text) noexcept
{
    const found value = find(at);
    if (value.why != failure::none)
        return value.why;
    text = {reinterpret_cast<const char *>(value.data), value.size};
    const unsigned char *const end = value.data + value.size;
    const bool is_text = *end == 0 && text.find('\0') == text.npos && is_utf8(value.data, end);
    return is_text ? failure::none : failure::damaged;
}

void put(const sink &out, const place &, std::string_view text)
{
    put_string(out, text);
}

failure read(const place &at, byte_view &bytes) noexcept
{
    const found value = find(at);
    bytes = {value.data, value.size};
    return value.why;
}

void put(const sink &out, const place &, byte_view bytes)
{
    const std::string_view quote = out.json ? "\"" : "";
    out.put(out.to, quote);
    for (const std::uint8_t byte : bytes) {
        const char digits[] = {hex[byte >> 4], hex[byte & 15]};
        out.put(out.to, {digits, sizeof digits});
    }
    out.put(out.to, quote);
}

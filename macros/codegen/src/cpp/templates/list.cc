failure read(const place &at, string_list &list) noexcept
{
    const found value = find(at);
    std::uint32_t nuls = 0;
    for (std::uint32_t byte = 0; byte != value.size; ++byte)
        nuls += value.data[byte] == 0;
    if (nuls != value.count || (value.size != 0 && value.data[value.size - 1] != 0)
        || !is_utf8(value.data, value.data + value.size))
        return failure::damaged;
    list = {reinterpret_cast<const char *>(value.data), value.size, value.count};
    return value.why;
}

void put(const sink &out, const place &, string_list list)
{
    std::string_view before = out.json ? "[" : "";
    for (const std::string_view item : list) {
        out.put(out.to, before);
        put_string(out, item);
        before = out.json ? "," : "\n";
    }
    if (out.json)
        out.put(out.to, list.empty() ? "[]" : "]");
}

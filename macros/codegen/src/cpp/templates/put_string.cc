constexpr char hex[] = "0123456789abcdef";

// A text as it is, or as a JSON string.
[[maybe_unused]] void put_string(const sink &out, std::string_view text)
{
    if (!out.json) {
        out.put(out.to, text);
        return;
    }
    out.put(out.to, "\"");
    // What needs no escape is put in runs.
    const char *run = text.data();
    for (const char &each : text) {
        const auto byte = static_cast<unsigned char>(each);
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        out.put(out.to, {run, static_cast<std::size_t>(&each - run)});
        const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
        out.put(out.to, byte < 0x20 ? std::string_view(escape, sizeof escape) : "\\");
        run = byte < 0x20 ? &each + 1 : &each;
    }
    out.put(out.to, {run, static_cast<std::size_t>(text.data() + text.size() - run)});
    out.put(out.to, "\"");
}

// Where a field is in the record, in bytes from its start, and how sentences name it.
struct place {
    const char *name;
    // The field to be set where it has no value.
    const char *needed;
    std::uint32_t state;
    std::uint32_t value;
    std::uint32_t capacity;
    // Of an enum.
    const char *const *names;
    std::uint32_t name_count;
};

namespace {

// The address of the record, hidden from the optimizer: it must not compute with the bytes that
// it sees here, they are changed after the link.
inline const unsigned char *bytes() noexcept
{
#if defined(__GNUC__)
    const unsigned char *start = @ADDRESS@;
    __asm__ volatile("" : "+r"(start));
    return start;
#else
    static const unsigned char *const volatile start = @ADDRESS@;
    return start;
#endif
}

inline std::uint32_t u32(const unsigned char *at) noexcept
{
    return static_cast<std::uint32_t>(at[0]) | static_cast<std::uint32_t>(at[1]) << 8
        | static_cast<std::uint32_t>(at[2]) << 16 | static_cast<std::uint32_t>(at[3]) << 24;
}

// Says what is wrong by one call of the system, from the stack, so that a child of vfork may stop.
[[noreturn]] void stop(const place &at, failure why)@NOEXCEPT@
{
    const bool missing = why == failure::missing;
    const char *const pieces[] = {
        "@SENTENCE@", at.name,
        missing ? "@NO_VALUE@"
                : "@DAMAGED@",
        missing ? at.needed : at.name, "@END@"};
    // The longest of these sentences, and its newline.
    char sentence[@SIZE@];
    char *end = sentence;
    for (const char *piece : pieces)
        while (*piece != '\0')
            *end++ = *piece++;
@HOOK@
    *end++ = '\n';
#if defined(_WIN32)
    [[maybe_unused]] const auto written = ::_write(2, sentence, static_cast<unsigned>(end - sentence));
#else
    [[maybe_unused]] const auto written = ::write(2, sentence, static_cast<std::size_t>(end - sentence));
#endif
    std::abort();
}

// What the record says of a field: where its value is, or why there is none.
struct found {
    failure why;
    const unsigned char *data;
    std::uint32_t size;
    std::uint32_t count;
};

found find(const place &at) noexcept
{
    const unsigned char *const start = bytes();
    const unsigned char *const state = start + at.state;
    const std::uint32_t record_state = u32(start + @VALUES_OFFSET@);
    const std::uint32_t size = u32(state + @LENGTH@);
    if ((record_state != @GENERATED@ && record_state != @FILLED@) || size > at.capacity)
        return {failure::damaged, nullptr, 0, 0};
    if (state[0] == @UNSET@)
        return {failure::missing, nullptr, 0, 0};
    return {failure::none, start + at.value, size, u32(state + @COUNT@)};
}

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

@KINDS@
// All accessors are made of this.
template <typename T>
std::optional<T> try_get(const place &at, failure *why) noexcept
{
    T value{};
    const failure reason = read(at, value);
    if (why != nullptr)
        *why = reason;
    if (reason != failure::none)
        return std::nullopt;
    return value;
}

template <typename T>
T get(const place &at)@NOEXCEPT@
{
    failure why = failure::none;
    const std::optional<T> value = try_get<T>(at, &why);
    if (!value)
        stop(at, why);
    return *value;
}

template <typename T>
bool write_value(const place &at, const sink *out)
{
    failure why = failure::none;
    const std::optional<T> value = try_get<T>(at, &why);
    if (why == failure::damaged)
        stop(at, why);
    if (out != nullptr && value)
        put(*out, at, *value);
    else if (out != nullptr && out->json)
        out->put(out->to, "null");
    return value.has_value();
}

@PLACES@

constexpr field every_field[] = {
@FIELDS@
};

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

} // namespace

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
#if defined(__GNUC__) || defined(__clang__)
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

@STOP@

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

@PUT_STRING@

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

@IS_FILLED@

} // namespace

namespace postlink_detail {
struct place;

// What takes a value that is written, piece by piece.
struct sink {
    void *to;
    void (*put)(void *to, std::string_view piece);
    bool json;
};
} // namespace postlink_detail

/// A field, by its name when the program runs.
class field {
public:
    /// Writes its value; nothing if `out` is null. Says whether it has one.
    using writer = bool (*)(const postlink_detail::place &at, const postlink_detail::sink *out);

    /// Its value for `<<` into whatever takes `std::string_view` by `<<`.
    class written {
    public:
        template <typename Stream>
        friend Stream &operator<<(Stream &stream, const written &value)
        {
            const postlink_detail::sink out = {&stream,
                [](void *to, std::string_view piece) { static_cast<void>(*static_cast<Stream *>(to) << piece); },
                value.json_};
            value.write_(*value.at_, &out);
            return stream;
        }

    private:
        friend class field;
        constexpr written(const postlink_detail::place *at, writer write, bool json) noexcept
            : at_(at), write_(write), json_(json)
        {
        }
        const postlink_detail::place *at_;
        writer write_;
        bool json_;
    };

    constexpr field(std::string_view name, std::string_view type, const postlink_detail::place *at, writer write) noexcept
        : name_(name), type_(type), at_(at), write_(write)
    {
    }
    [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }
    /// Its type as the schema spells it: `list<path>`.
    [[nodiscard]] constexpr std::string_view type() const noexcept { return type_; }
    /// Whether it has a value. Of a damaged record it does not return, as accessors do not.
    [[nodiscard]] bool has_value() const@NOEXCEPT@ { return write_(*at_, nullptr); }
    /// Its value as JSON: a string (bytes in hexadecimal), number, boolean or array of strings, or
    /// `null` where there is none.
    [[nodiscard]] constexpr written json() const noexcept { return {at_, write_, true}; }
    /// Its value as `postlink inspect --field` prints it: a list's items one a line.
    [[nodiscard]] constexpr written text() const noexcept { return {at_, write_, false}; }

private:
    std::string_view name_;
    std::string_view type_;
    const postlink_detail::place *at_;
    writer write_;
};

/// The fields of the section.
class field_list {
public:
    using value_type = field;
    using size_type = std::size_t;
    using iterator = const field *;
    using const_iterator = iterator;

    constexpr field_list(const field *first, std::size_t size) noexcept : first_(first), size_(size) {}
    [[nodiscard]] constexpr iterator begin() const noexcept { return first_; }
    [[nodiscard]] constexpr iterator end() const noexcept { return first_ + size_; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

private:
    const field *first_;
    std::size_t size_;
};

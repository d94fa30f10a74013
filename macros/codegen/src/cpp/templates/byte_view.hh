/// Bytes of the record.
class byte_view {
public:
    using value_type = std::uint8_t;
    using size_type = std::size_t;
    using iterator = const std::uint8_t *;
    using const_iterator = iterator;

    constexpr byte_view() noexcept = default;
    constexpr byte_view(const std::uint8_t *data, std::size_t size) noexcept : data_(data), size_(size) {}
    [[nodiscard]] constexpr const std::uint8_t *data() const noexcept { return data_; }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] constexpr iterator begin() const noexcept { return data_; }
    [[nodiscard]] constexpr iterator end() const noexcept { return data_ + size_; }
    [[nodiscard]] constexpr std::uint8_t operator[](std::size_t at) const noexcept { return data_[at]; }

private:
    const std::uint8_t *data_ = nullptr;
    std::size_t size_ = 0;
};

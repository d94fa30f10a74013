/// The items of a list. Each is NUL-terminated where it stands.
class string_list {
public:
    class iterator {
    public:
        using iterator_concept = std::forward_iterator_tag;
        using iterator_category = std::input_iterator_tag;
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;
        using reference = std::string_view;
        class pointer {
        public:
            constexpr explicit pointer(std::string_view item) noexcept : item_(item) {}
            constexpr const std::string_view *operator->() const noexcept { return &item_; }

        private:
            std::string_view item_;
        };

        constexpr iterator() noexcept = default;
        constexpr explicit iterator(const char *item) noexcept : item_(item) {}
        constexpr reference operator*() const noexcept { return std::string_view(item_); }
        constexpr pointer operator->() const noexcept { return pointer(**this); }
        constexpr iterator &operator++() noexcept
        {
            item_ += std::string_view(item_).size() + 1;
            return *this;
        }
        constexpr iterator operator++(int) noexcept
        {
            const iterator before = *this;
            ++*this;
            return before;
        }
        friend constexpr bool operator==(iterator a, iterator b) noexcept { return a.item_ == b.item_; }
        friend constexpr bool operator!=(iterator a, iterator b) noexcept { return a.item_ != b.item_; }

    private:
        const char *item_ = nullptr;
    };
    using const_iterator = iterator;
    using value_type = std::string_view;
    using size_type = std::size_t;

    constexpr string_list() noexcept = default;
    constexpr string_list(const char *first, std::size_t bytes, std::size_t count) noexcept
        : first_(first), bytes_(bytes), count_(count)
    {
    }
    [[nodiscard]] constexpr iterator begin() const noexcept { return iterator(first_); }
    [[nodiscard]] constexpr iterator end() const noexcept { return iterator(first_ + bytes_); }
    [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return count_ == 0; }

private:
    const char *first_ = nullptr;
    std::size_t bytes_ = 0;
    std::size_t count_ = 0;
};

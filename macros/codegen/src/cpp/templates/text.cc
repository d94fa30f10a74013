std::string_view text(const char *field, value found) noexcept
{
    if (found.data[found.size] != 0)
        stop_damaged(field);
    return {reinterpret_cast<const char *>(found.data), found.size};
}

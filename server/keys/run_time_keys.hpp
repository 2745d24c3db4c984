// Keys that are made, changed and taken away while the gateway runs, by its admin API or by the
// command line beside it.
#pragma once

#include "metrics/log.hpp"
#include "server/keys/directory.hpp"
#include "server/keys/key_book.hpp"
#include "server/keys/spent_reader.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tollgate::server {

/// The one place that changes the directory.  Any thread; calls may wait for the disk.
class RunTimeKeys {
public:
    /// Gives a table to all workers; returns when they have it.
    using Publish = std::function<void(const router::CallerTablePtr&)>;

    RunTimeKeys(KeyDirectory& directory, SpentReader& spent, metrics::Logger& logger)
        : directory_(directory), spent_(spent), logger_(logger) {}

    /// Before anything else: the configuration's keys, and those of the file where it exists.
    /// Without a path there are none.
    [[nodiscard]] router::CallerTablePtr begin(const config::Settings& settings, std::string path);
    /// From here on changes are published, also those that other processes make.
    void watch(Publish publish);
    void request_stop() { watcher_.request_stop(); }
    void stop();
    /// A reload.
    void configure(const config::Settings& settings);

    [[nodiscard]] KeyResult<std::vector<BookedKey>> all();
    [[nodiscard]] KeyResult<BookedKey> find(std::string_view name);
    [[nodiscard]] KeyResult<NewSecret> create(const std::string& name, const KeyChange& change,
                                              config::Timestamp now);
    [[nodiscard]] KeyResult<BookedKey> change(std::string_view name, const KeyChange& change);
    [[nodiscard]] KeyResult<NewSecret> rotate(std::string_view name, std::chrono::seconds overlap,
                                              config::Timestamp now);
    [[nodiscard]] KeyResult<void> remove(std::string_view name);

private:
    enum class Missing : std::uint8_t { is_made, stays };
    [[nodiscard]] KeyResult<KeyBook*> book(Missing missing);
    void read_again();
    void read_file();
    void publish(const router::CallerTablePtr& table);

    KeyDirectory& directory_;
    SpentReader& spent_;
    metrics::Logger& logger_;
    std::mutex mutex_;  // of everything here and the directory's changes
    std::string path_;
    std::optional<KeyBook> book_;
    std::int64_t version_ = -1;  // of the file, as the directory has it
    bool has_read_ = false;
    bool is_failing_ = false;  // told, and not over yet
    Publish publish_;
    std::jthread watcher_;
};

}  // namespace tollgate::server

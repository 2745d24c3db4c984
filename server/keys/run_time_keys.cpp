#include "server/keys/run_time_keys.hpp"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <malloc.h>

namespace tollgate::server {
namespace {

constexpr std::chrono::milliseconds kLookEvery{200};

// What reading a large file has taken goes back to the system.
void give_back_after(const config::Settings& settings) {
    constexpr std::size_t kMany = 1000;
    if (settings.keys.size() >= kMany) {
        ::malloc_trim(0);
    }
}

}  // namespace

router::CallerTablePtr RunTimeKeys::begin(const config::Settings& settings, std::string path) {
    const std::lock_guard lock(mutex_);
    path_ = std::move(path);
    static_cast<void>(directory_.configure(settings));
    give_back_after(settings);
    read_file();
    spent_.forget();
    return directory_.table();
}

void RunTimeKeys::watch(Publish publish) {
    {
        const std::lock_guard lock(mutex_);
        publish_ = std::move(publish);
    }
    watcher_ = std::jthread([this](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        while (!stop.stop_requested()) {
            wake.wait_for(lock, stop, kLookEvery, [] { return false; });
            if (!stop.stop_requested()) {
                read_again();
            }
        }
    });
}

void RunTimeKeys::stop() {
    watcher_ = std::jthread();
    const std::lock_guard lock(mutex_);
    publish_ = nullptr;
}

void RunTimeKeys::configure(const config::Settings& settings) {
    const std::lock_guard lock(mutex_);
    publish(directory_.configure(settings));
    give_back_after(settings);
}

void RunTimeKeys::read_again() {
    const std::lock_guard lock(mutex_);
    const router::CallerTablePtr before = directory_.table();
    read_file();
    if (directory_.table() != before) {
        publish(directory_.table());
    }
}

// Where somebody else has changed the file.  One that was there and cannot be read leaves the keys
// that are known; at the start it leaves none, and lets nobody in without one.
void RunTimeKeys::read_file() {
    std::error_code ignored;
    if (path_.empty() || (!book_ && !std::filesystem::exists(path_, ignored))) {
        return;
    }
    const auto read = [this]() -> KeyResult<void> {
        const KeyResult<KeyBook*> open = book(Missing::stays);
        KeyResult<std::int64_t> now =
            open ? (*open)->version() : KeyResult<std::int64_t>(std::unexpected(open.error()));
        if (!now) {
            return std::unexpected(now.error());
        }
        if (*now == version_) {
            return {};
        }
        std::vector<router::KeyPtr> keys;
        const KeyResult<void> all =
            (*open)->each([&](BookedKey&& key) { keys.push_back(directory_.make(key.spec)); });
        if (!all) {
            return all;
        }
        static_cast<void>(directory_.replace(std::move(keys)));
        ::malloc_trim(0);  // of the rows, and of the table before
        version_ = *now;
        has_read_ = true;
        return {};
    };
    const KeyResult<void> done = read();
    if (!done && !has_read_ && !is_failing_) {
        static_cast<void>(directory_.replace({}));
    }
    if (!done && !std::exchange(is_failing_, true)) {
        logger_.log(metrics::Level::error, "cannot read the keys made at run time",
                    {{"file", path_}, {"problem", done.error().text}});
    } else if (done && std::exchange(is_failing_, false)) {
        logger_.log(metrics::Level::info, "the keys made at run time are read again");
    }
    if (!done) {
        book_.reset();
    }
}

// A file makes every caller need a key, so only a new key makes one.
KeyResult<KeyBook*> RunTimeKeys::book(Missing missing) {
    std::error_code ignored;
    if (missing == Missing::stays && !book_ && !path_.empty() &&
        !std::filesystem::exists(path_, ignored)) {
        return std::unexpected(KeyTrouble{.kind = KeyTrouble::Kind::unknown,
                                          .text = "No key was made at run time yet."});
    }
    if (path_.empty()) {
        return std::unexpected(KeyTrouble{.kind = KeyTrouble::Kind::storage,
                                          .text = "HOME is not set, so state_dir must name a "
                                                  "directory."});
    }
    if (!book_) {
        KeyResult<KeyBook> opened = KeyBook::open(path_);
        if (!opened) {
            return std::unexpected(opened.error());
        }
        book_.emplace(std::move(*opened));
        version_ = -1;
    }
    return &*book_;
}

void RunTimeKeys::publish(const router::CallerTablePtr& table) {
    spent_.forget();
    if (publish_) {
        publish_(table);
    }
}

KeyResult<std::vector<BookedKey>> RunTimeKeys::all() {
    const std::lock_guard lock(mutex_);
    const KeyResult<KeyBook*> open = book(Missing::stays);
    if (!open && open.error().kind == KeyTrouble::Kind::unknown) {
        return std::vector<BookedKey>();
    }
    return open ? (*open)->all() : std::unexpected(open.error());
}

KeyResult<BookedKey> RunTimeKeys::find(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const KeyResult<KeyBook*> open = book(Missing::stays);
    return open ? (*open)->find(name) : std::unexpected(open.error());
}

KeyResult<NewSecret> RunTimeKeys::create(const std::string& name, const KeyChange& change,
                                         config::Timestamp now) {
    const std::lock_guard lock(mutex_);
    const KeyResult<KeyBook*> open = book(Missing::is_made);
    KeyResult<NewSecret> made =
        open ? (*open)->create(name, change, now) : std::unexpected(open.error());
    if (made) {
        publish(directory_.change(made->key.spec));
    }
    return made;
}

KeyResult<BookedKey> RunTimeKeys::change(std::string_view name, const KeyChange& change) {
    const std::lock_guard lock(mutex_);
    const KeyResult<KeyBook*> open = book(Missing::stays);
    KeyResult<BookedKey> changed =
        open ? (*open)->change(name, change) : std::unexpected(open.error());
    if (changed) {
        publish(directory_.change(changed->spec));
    }
    return changed;
}

KeyResult<NewSecret> RunTimeKeys::rotate(std::string_view name, std::chrono::seconds overlap,
                                         config::Timestamp now) {
    const std::lock_guard lock(mutex_);
    const KeyResult<KeyBook*> open = book(Missing::stays);
    KeyResult<NewSecret> made =
        open ? (*open)->rotate(name, overlap, now) : std::unexpected(open.error());
    if (made) {
        publish(directory_.change(made->key.spec));
    }
    return made;
}

KeyResult<void> RunTimeKeys::remove(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const KeyResult<KeyBook*> open = book(Missing::stays);
    KeyResult<void> removed = open ? (*open)->remove(name) : std::unexpected(open.error());
    if (removed) {
        publish(directory_.remove(name));
    }
    return removed;
}

}  // namespace tollgate::server

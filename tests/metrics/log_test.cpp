#include "metrics/log.hpp"

#include "tests/metrics/flat_json.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <stdlib.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace tollgate::metrics;
using test::FlatJson;

namespace {

std::unique_ptr<Logger> open(LogOptions options) {
    auto logger = Logger::open(std::move(options));
    REQUIRE(logger);
    return std::move(*logger);
}

/// Everything that `use` logs, after the logger's end.
template <class Use>
std::string logged(LogOptions options, Use use) {
    std::string text;
    options.capture = [&text](std::string_view lines) { text += lines; };
    {
        const auto logger = open(options);
        use(*logger);
    }
    return text;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        REQUIRE(end != std::string::npos);
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

class TemporaryFolder {
public:
    TemporaryFolder() {
        const auto parent = std::filesystem::temp_directory_path();
        std::string name = (parent / "tollgate-log-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("an event line carries time, level, event and typed fields") {
    const std::string text = logged({}, [](Logger& log) {
        const std::string owned = "x";
        log.log(Level::warn, "retrying",
                {{"target", "openai"},
                 {"attempt", 2},
                 {"bytes", std::size_t{7}},
                 {"wait", 0.25},
                 {"last", false},
                 {"owned", owned},
                 {"negative", -3L}});
    });
    const auto lines = lines_of(text);
    REQUIRE(lines.size() == 1);
    const auto line = FlatJson::parse(lines[0]);
    REQUIRE(line);
    CHECK(line->at("ts").size() == 24);
    CHECK(line->at("level") == "warn");
    CHECK(line->at("event") == "retrying");
    CHECK(line->at("target") == "openai");
    CHECK(line->at("attempt") == "2");
    CHECK(line->at("bytes") == "7");
    CHECK(line->at("wait") == "0.25");
    CHECK(line->at("last") == "false");
    CHECK(line->at("owned") == "x");
    CHECK(line->at("negative") == "-3");
}

TEST_CASE("text format writes name=value") {
    LogOptions options;
    options.format = LogFormat::text;
    const std::string text = logged(options, [](Logger& log) {
        log.log(Level::info, "listening", {{"address", "127.0.0.1:4000"}, {"note", "a b"}});
    });
    CHECK(text.starts_with("ts=2"));
    CHECK(text.ends_with(" level=info event=listening address=127.0.0.1:4000 note=\"a b\"\n"));
}

TEST_CASE("levels below the chosen one are silent, also after a change") {
    const std::string text = logged({}, [](Logger& log) {
        log.log(Level::debug, "one");
        log.set_level(Level::error);
        log.log(Level::warn, "two");
        log.log(Level::error, "three");
        log.set_level(Level::debug);
        log.log(Level::debug, "four");
        log.set_level(Level::off);
        log.log(Level::error, "five");
        log.log(Level::off, "six");
    });
    const auto lines = lines_of(text);
    REQUIRE(lines.size() == 2);
    CHECK(FlatJson::parse(lines[0])->at("event") == "three");
    CHECK(FlatJson::parse(lines[1])->at("event") == "four");
}

TEST_CASE("level names are read and written alike") {
    for (const Level level : {Level::debug, Level::info, Level::warn, Level::error, Level::off}) {
        CHECK(parse_level(to_string(level)) == level);
    }
    CHECK_FALSE(parse_level("INFO"));
    CHECK_FALSE(parse_level(""));
}

TEST_CASE("event lines stay bounded and valid whatever the fields hold") {
    std::string hostile;
    for (int i = 0; i < 20'000; ++i) {
        hostile += static_cast<char>(i * 7);
    }
    for (const LogFormat format : {LogFormat::json, LogFormat::text}) {
        LogOptions options;
        options.format = format;
        const std::string text = logged(options, [&](Logger& log) {
            log.log(Level::error, hostile, {{"a", hostile}, {"b", hostile}, {"c", hostile}});
            log.log(Level::error, "after");
        });
        const auto lines = lines_of(text);
        REQUIRE(lines.size() == 2);
        CHECK(lines[0].size() < kMaxLineBytes);
        CHECK(lines[0].find("truncated") != std::string::npos);
        if (format == LogFormat::json) {
            CHECK(FlatJson::parse(lines[0]));
        }
    }
}

TEST_CASE("a full queue drops the oldest lines and counts each") {
    std::promise<void> entered;
    std::promise<void> release;
    std::vector<std::string> received;
    LogOptions options;
    options.queue = 4;
    options.capture = [&](std::string_view text) {
        received.emplace_back(text);
        if (received.size() == 1) {
            entered.set_value();
            release.get_future().wait();
        }
    };
    std::uint64_t lines_seen = 0;
    std::promise<void> done;
    {
        const auto logger = open(options);
        logger->write("first\n", 1);
        entered.get_future().wait();  // the log's thread is busy from here on
        for (int i = 0; i < 10; ++i) {
            logger->write("a\nb\nc\n", 3);
        }
        logger->write("last\n", 1);
        CHECK(logger->dropped_lines() == 0);  // not yet noticed
        release.set_value();
        // The queue drains in order: when the last line is out, every gap has been seen.
        while (logger->dropped_lines() == 0) {
            std::this_thread::yield();
        }
        CHECK(logger->dropped_lines() == 7 * 3);
    }
    for (const auto& text : received) {
        lines_seen += static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    }
    CHECK(received.size() == 5);
    CHECK(received.back() == "last\n");
    CHECK(lines_seen + 21 == 1 + 10 * 3 + 1);
}

TEST_CASE("lines are appended to a file, which can be moved away and opened again") {
    const TemporaryFolder folder;
    LogOptions options;
    options.destination = folder.file("log");
    std::ofstream(options.destination) << "before\n";
    {
        const auto logger = open(options);
        logger->write("one\n", 1);
    }
    CHECK(content(options.destination) == "before\none\n");
    {
        const auto logger = open(options);
        std::filesystem::rename(options.destination, folder.file("log.1"));
        logger->reopen();
        logger->write("two\n", 1);
    }
    CHECK(content(options.destination) == "two\n");
    CHECK(content(folder.file("log.1")) == "before\none\n");
}

TEST_CASE("lines that the destination refuses are counted") {
    LogOptions options;
    options.destination = "/dev/full";
    const auto logger = open(options);
    logger->write("a\nb\n", 2);
    for (int i = 0; i < 10'000'000 && logger->dropped_lines() == 0; ++i) {
        std::this_thread::yield();
    }
    CHECK(logger->dropped_lines() == 2);
}

TEST_CASE("a file that cannot be opened is said in words") {
    LogOptions options;
    options.destination = "/nonexistent/folder/log";
    const auto logger = Logger::open(options);
    REQUIRE_FALSE(logger);
    CHECK(logger.error() ==
          "cannot open the log file /nonexistent/folder/log: No such file or directory");
}

TEST_CASE("a silent log needs no destination and takes calls") {
    LogOptions options;
    options.level = Level::off;
    options.access = false;
    options.destination = "/nonexistent/folder/log";
    const auto logger = open(options);
    logger->log(Level::error, "x");
    logger->write("x\n", 1);
    logger->reopen();
    CHECK(logger->dropped_lines() == 0);
}

TEST_CASE("many threads may log at once") {
    std::vector<std::string> lines;
    LogOptions options;
    options.queue = 10'000;
    const std::string text = logged(options, [](Logger& log) {
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&log, t] {
                for (int i = 0; i < 500; ++i) {
                    log.log(Level::info, "tick", {{"thread", t}, {"i", i}});
                }
            });
        }
        for (auto& thread : threads) {
            thread.join();
        }
        CHECK(log.dropped_lines() == 0);
    });
    lines = lines_of(text);
    CHECK(lines.size() == 2000);
    int next[4]{};
    for (const auto& line : lines) {
        const auto object = FlatJson::parse(line);
        REQUIRE(object);
        const auto thread = static_cast<std::size_t>(std::stoi(object->at("thread")));
        CHECK(std::stoi(object->at("i")) == next[thread]++);
    }
}

TEST_CASE("URLs are logged without their secrets") {
    struct Row {
        const char* url;
        const char* redacted;
    };
    const Row rows[]{
        {"https://api.openai.com/v1/chat", "https://api.openai.com/v1/chat"},
        {"https://user:pass@host:8080/x", "https://host:8080/x"},
        {"https://user:p@ss@host/x", "https://host/x"},
        {"http://user:pa/ss@host/x", "http://host/x"},
        {"http://user:p?ss@host/x", "http://host/x"},
        {"socks5://u:p@[::1]:1080", "socks5://[::1]:1080"},
        {"http://[::1]:8000/v1", "http://[::1]:8000/v1"},
        {"https://g.com/v1/m:generate?key=SECRET", "https://g.com/v1/m:generate?key=***"},
        {"https://a.com/x?api-version=2024-10-21&code=S&alt=sse",
         "https://a.com/x?api-version=2024-10-21&code=***&alt=sse"},
        {"https://a.com/x?SECRET", "https://a.com/x?***"},
        {"https://a.com/x?a=b=c&&d=", "https://a.com/x?a=***&&d=***"},
        {"https://a.com/x#access_token=S", "https://a.com/x"},
        {"https://a.com/x?k=v#frag", "https://a.com/x?k=***"},
        {"https://v.com/models/claude@20240620:raw", "https://v.com/models/claude@20240620:raw"},
        {"/v1/models?key=S", "/v1/models?key=***"},
        {"user:pass@host/x", "host/x"},
        {"", ""},
        {"://", "://"},
    };
    for (const Row& row : rows) {
        INFO(row.url);
        CHECK(redact_url(row.url) == row.redacted);
    }
}

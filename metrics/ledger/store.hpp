// The ledger's SQLite file, as its one writer sees it.
#pragma once

#include "metrics/ledger/entry.hpp"
#include "metrics/ledger/ids_hash.hpp"
#include "metrics/ledger/schema.hpp"
#include "metrics/sqlite.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tollgate::ledger {

/// When a commit is safe: from the system's crash, or only from the process's.
enum class Durability : std::uint8_t { process, machine };

/// begin(), any number of add() and mark(), then commit(): all of it or nothing.  After an error
/// rollback(), or throw the store away.
class Store {
public:
    [[nodiscard]] static sqlite::Result<Store> open(const std::string& path, Durability durability);

    /// How many records of a segment are in the ledger.
    [[nodiscard]] sqlite::Result<std::uint64_t> imported(std::uint64_t segment);
    [[nodiscard]] sqlite::Result<void> begin();
    [[nodiscard]] sqlite::Result<void> add(const Entry& entry);
    /// The first `count` records of the segment are in the ledger, with this transaction.
    [[nodiscard]] sqlite::Result<void> mark(std::uint64_t segment, std::uint64_t count);
    [[nodiscard]] sqlite::Result<void> commit();
    void rollback();
    /// The segment's file is gone.
    [[nodiscard]] sqlite::Result<void> forget(std::uint64_t segment);

    /// Deletes some requests from before `at_us`, or the sums of one hour from before `hours_at`
    /// (seconds).  True: there may be more.
    [[nodiscard]] sqlite::Result<bool> prune(std::int64_t at_us, std::int64_t hours_at);

private:
    /// A cube, a grain, a bucket and the ids of the cube's dimensions.
    using SumKey = std::array<std::int64_t, 8>;
    /// The hour and the ids of provider, model, key, team, user and tags: requests that are alike
    /// in these are summed up before they are put into every cube.
    using AlikeKey = std::array<std::int64_t, 7>;
    struct Sums {
        std::array<std::uint64_t, kMeasureNames.size() + kCounters> values{};
        std::int64_t usd = 0;
        std::int64_t pico = 0;
        Sums& operator+=(const Sums& more) noexcept;
    };
    /// Parameters of a row that are numbers, without its counters and costs by kind.
    static constexpr std::size_t kRowIntegers = 19;
    struct Ids {
        std::int64_t key, team, user, tags;
    };
    /// A name that the column's last row had.
    struct LastName {
        std::string text;
        std::int64_t id = 0;  // 0: none
    };
    /// Inserts rows whose counters and costs are zero but for those of a set, as bits.
    struct RowShape {
        sqlite::Statement statement;
        std::uint32_t mask = 0;
        bool is_prepared = false;
        bool is_bound = false;
        std::array<std::int64_t, kRowIntegers> bound{};  // what its parameters are
    };
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    explicit Store(sqlite::Database database) : database_(std::move(database)) {}
    [[nodiscard]] sqlite::Result<void> prepare();
    [[nodiscard]] sqlite::Result<std::int64_t> name(std::string_view text);
    [[nodiscard]] sqlite::Result<std::int64_t> name(std::string_view text, LastName& last);
    [[nodiscard]] sqlite::Result<RowShape*> shape_of(const Use& use);
    [[nodiscard]] sqlite::Result<void> insert(std::int64_t request, const Entry& entry,
                                              const std::array<std::int64_t, 8>& ids);
    [[nodiscard]] sqlite::Result<void> add_spent(std::int64_t request, const Entry& entry,
                                                 const Ids& ids);
    [[nodiscard]] sqlite::Result<void> note_tags(const Entry& entry, std::int64_t id);
    void sum(const Entry& entry, const Ids& ids, std::int64_t provider, std::int64_t model,
             const Use& use, bool is_spent);
    void forget_sums() noexcept;
    void share_out(const AlikeKey& key, const Sums& sums);
    [[nodiscard]] sqlite::Result<void> write_sums();

    sqlite::Database database_;
    sqlite::Statement find_name_, add_name_, add_spent_, find_segment_, mark_, forget_,
        prune_spent_, prune_requests_;
    std::unordered_map<std::uint32_t, RowShape> shapes_;
    std::array<sqlite::Statement, kCubes.size()> upserts_, prune_hours_;
    std::int64_t next_request_ = 1;
    std::int64_t names_ = 0;
    std::unordered_map<std::string, std::int64_t, TextHash, std::equal_to<>> known_names_;
    std::array<LastName, 8> last_names_;
    std::unordered_map<AlikeKey, Sums, IdsHash> alike_;
    AlikeKey last_alike_{};
    Sums* last_sums_ = nullptr;                                              // of last_alike_
    std::unordered_map<std::int64_t, std::vector<std::int64_t>> tag_lists_;  // of tags' ids
    std::map<SumKey, Sums> sums_;
};

}  // namespace tollgate::ledger

// A report as a table for people, as CSV (RFC 4180) and as JSON.
#include "metrics/ledger/report.hpp"

#include <algorithm>
#include <utility>

namespace tollgate::ledger {
namespace {

std::uint64_t counter(const ReportRow& row, std::initializer_list<Counter> counters) noexcept {
    std::uint64_t sum = 0;
    for (const Counter c : counters) {
        sum += row.counters[static_cast<std::size_t>(c)];
    }
    return sum;
}

std::uint64_t mean_ms(const ReportRow& row) noexcept {
    return row.requests == 0 ? 0 : row.latency_us / row.requests / 1000;
}

/// "1234567" as "1,234,567".
std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3) {
        text.insert(at - 3, ",");
    }
    return text;
}

/// Two decimals where that says it all, else as many digits as there are, six at most.
std::string money(metrics::Int128 pico) {
    std::string text = metrics::to_decimal(pico);
    const std::size_t point = text.find('.');
    if (point == std::string::npos) {
        return text + ".00";
    }
    if (text.size() - point > 7) {
        const metrics::Int128 micros = metrics::divide_half_even(pico, 1'000'000);
        text = metrics::to_decimal(micros * 1'000'000);
    }
    const std::size_t decimals =
        text.find('.') == std::string::npos ? 0 : text.size() - text.find('.') - 1;
    if (decimals == 0) {
        text += ".00";
    }
    return decimals == 1 ? text + "0" : text;
}

void append_json(std::string& out, std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out.append({'\\', c});
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out.append("\\u00").append({kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]});
        } else {
            out += c;
        }
    }
    out += '"';
}

void append_json(std::string& out, const Report& report, const ReportRow& row) {
    out += '{';
    for (std::size_t i = 0; i < row.group.size(); ++i) {
        append_json(out, kDimensionNames[static_cast<std::size_t>(report.by[i])]);
        out += ':';
        append_json(out, row.group[i]);
        out += ',';
    }
    const auto number = [&](std::string_view name, std::uint64_t value) {
        out.append("\"").append(name).append("\":").append(std::to_string(value)).append(",");
    };
    number("requests", row.requests);
    number("failed", row.failed);
    number("unpriced", row.unpriced);
    number("estimated", row.estimated);
    number("latency_ms_mean", mean_ms(row));
    out += "\"usage\":{";
    for (std::size_t i = 0; i < kCounters; ++i) {
        number(kCounterNames[i], row.counters[i]);
    }
    out.back() = '}';
    // A text: numbers of JSON are doubles for many readers.
    out.append(",\"cost_usd\":\"").append(metrics::to_decimal(row.cost_pico)).append("\"}");
}

std::string as_json(const Report& report) {
    std::string out = "{\"by\":[";
    for (const Dimension dimension : report.by) {
        append_json(out, kDimensionNames[static_cast<std::size_t>(dimension)]);
        out += ',';
    }
    if (out.back() == ',') {
        out.pop_back();
    }
    out += "],\"rows\":[";
    for (const ReportRow& row : report.rows) {
        append_json(out, report, row);
        out += ',';
    }
    if (out.back() == ',') {
        out.pop_back();
    }
    out += "],\"total\":";
    append_json(out, report, report.total);
    out += report.is_cut ? ",\"truncated\":true}\n" : ",\"truncated\":false}\n";
    return out;
}

void append_csv(std::string& out, std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
        out.append(text);
        return;
    }
    out += '"';
    for (const char c : text) {
        out.append(c == '"' ? 2 : 1, c);
    }
    out += '"';
}

std::string as_csv(const Report& report) {
    std::string out;
    for (const Dimension dimension : report.by) {
        out.append(kDimensionNames[static_cast<std::size_t>(dimension)]).append(",");
    }
    out += "requests,failed,unpriced,estimated,latency_ms_mean";
    for (const std::string_view name : kCounterNames) {
        out.append(",").append(name);
    }
    out += ",cost_usd\r\n";
    for (const ReportRow& row : report.rows) {
        for (const std::string& group : row.group) {
            append_csv(out, group);
            out += ',';
        }
        for (const std::uint64_t value :
             {row.requests, row.failed, row.unpriced, row.estimated, mean_ms(row)}) {
            out.append(std::to_string(value)).append(",");
        }
        for (const std::uint64_t value : row.counters) {
            out.append(std::to_string(value)).append(",");
        }
        out.append(metrics::to_decimal(row.cost_pico)).append("\r\n");
    }
    return out;
}

using Line = std::vector<std::string>;

Line line_of(const Line& group, const ReportRow& row) {
    Line line = group;
    const std::uint64_t cached = counter(row, {Counter::cache_read});
    const std::uint64_t written = counter(row, {Counter::cache_write, Counter::cache_write_1h});
    const std::uint64_t in =
        counter(row, {Counter::input, Counter::audio_input, Counter::image_input});
    const std::uint64_t out = counter(
        row, {Counter::output, Counter::reasoning, Counter::audio_output, Counter::image_output});
    for (const std::uint64_t value :
         {row.requests, row.failed, in, cached, written, out, mean_ms(row)}) {
        line.push_back(grouped(value));
    }
    line.push_back(row.unpriced == 0 ? "" : grouped(row.unpriced));
    line.push_back(money(row.cost_pico));
    return line;
}

// Characters, as far as a terminal shows each in one column: continuation bytes do not count.
std::size_t width(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string as_table(const Report& report) {
    Line head;
    for (const Dimension dimension : report.by) {
        head.emplace_back(kDimensionNames[static_cast<std::size_t>(dimension)]);
    }
    const std::size_t groups = head.size();
    for (const std::string_view name : {"requests", "failed", "input", "cached", "cache write",
                                        "output", "mean ms", "unpriced", "cost USD"}) {
        head.emplace_back(name);
    }
    std::vector<Line> lines{head};
    for (const ReportRow& row : report.rows) {
        Line group = row.group;
        for (std::string& text : group) {
            // Names are the clients' to choose, and a terminal obeys what it is sent.
            std::ranges::replace_if(
                text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
                '?');
            text = text.empty() ? "-" : text;
        }
        lines.push_back(line_of(group, row));
    }
    if (groups > 0 && report.rows.size() != 1) {
        Line total(groups);
        total[0] = "total";
        lines.push_back(line_of(total, report.total));
    }
    std::vector<std::size_t> widths(head.size());
    for (const Line& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            widths[i] = std::max(widths[i], width(line[i]));
        }
    }
    std::string out;
    for (const Line& line : lines) {
        std::string text;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const std::string space(widths[i] - width(line[i]), ' ');
            text.append(i == 0 ? "" : "  ");
            text.append(i < groups ? line[i] + space : space + line[i]);
        }
        text.resize(text.find_last_not_of(' ') + 1);
        out.append(text).append("\n");
    }
    if (report.has_tags) {
        out += "A request with several tags counts under each of them.\n";
    }
    if (report.is_cut) {
        out += "There are more rows; the total has all of them.\n";
    }
    return out;
}

}  // namespace

std::string render(const Report& report, ReportFormat format) {
    switch (format) {
        case ReportFormat::csv:
            return as_csv(report);
        case ReportFormat::json:
            return as_json(report);
        case ReportFormat::table:
            break;
    }
    return as_table(report);
}

}  // namespace tollgate::ledger

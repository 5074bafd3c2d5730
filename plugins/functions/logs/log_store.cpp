#include "logs/log_store.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <utility>

#include "logs/log_reader.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t pending_bytes_max = 8 * 1024 * 1024, recent_bytes_max = 4 * 1024 * 1024;
constexpr std::size_t streams_kept_max = 4096;
constexpr std::size_t line_bytes_max = 256 * 1024;
constexpr std::int64_t group_bytes_max = 32 * 1024 * 1024;
constexpr auto flush_interval = std::chrono::milliseconds(250);

// Before each event's text.
struct Head {
  std::uint64_t sequence;
  std::int64_t at_ms;
  std::uint32_t stream;
  std::uint32_t bytes;
};

void append_event(std::string& out, const Head& head, std::string_view text) {
  out.append(reinterpret_cast<const char*>(&head), sizeof head);
  out.append(text);
}

// Visits the events, each also with all its bytes.
template <class Visit>
void each(std::string_view events, Visit visit) {
  while (events.size() >= sizeof(Head)) {
    Head head;
    std::memcpy(&head, events.data(), sizeof head);
    if (events.size() - sizeof head < head.bytes) return;
    visit(LogEvent{head.sequence, {head.at_ms}, events.substr(sizeof head, head.bytes), head.stream},
          events.substr(0, sizeof head + head.bytes));
    events.remove_prefix(sizeof head + head.bytes);
  }
}

}  // namespace

std::vector<LogEvent> LogStore::read(std::string_view events) {
  std::vector<LogEvent> read;
  each(events, [&](const LogEvent& event, std::string_view) { read.push_back(event); });
  return read;
}

std::uint64_t LogStore::take_sequence(std::size_t count) {
  const std::lock_guard lock(mutex_);
  const auto first = sequence_ + 1;
  sequence_ += count;
  return first;
}

void LogStore::append_to(std::string& events, std::uint64_t sequence, Time at, std::string_view text) {
  append_event(events, {sequence, at.ms, 0, static_cast<std::uint32_t>(text.size())}, text);
}

void LogStore::widen_stream(Transaction& tx, const StreamSpan& span, Time now) {
  tx.query(
      "UPDATE log_stream SET first_ms = CASE WHEN first_ms < ? THEN first_ms ELSE ? END, last_ms = CASE WHEN "
      "last_ms > ? THEN last_ms ELSE ? END, ingested_ms = ? WHERE account = ? AND region = ? AND log_group = ? AND "
      "name = ?",
      span.first, span.first, span.last, span.last, now, span.account, span.region, span.group, span.stream);
}

void LogStore::insert_chunk(Transaction& tx, const NewChunk& chunk) {
  tx.query("INSERT INTO log_chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", chunk.account,
           chunk.region, chunk.group, chunk.stream, chunk.sequence, chunk.first, chunk.last, chunk.ingested,
           Blob{chunk.events});
  tx.query(
      "UPDATE log_group SET stored_bytes = stored_bytes + ?, last_sequence = CASE WHEN last_sequence > ? THEN "
      "last_sequence ELSE ? END WHERE account = ? AND region = ? AND name = ?",
      chunk.events.size(), chunk.sequence, chunk.sequence, chunk.account, chunk.region, chunk.group);
  if (tx.query("SELECT name FROM log_subscription WHERE account = ? AND region = ? AND log_group = ? LIMIT 1",
               chunk.account, chunk.region, chunk.group)
          .empty())
    return;
  tx.schedule(chunk.ingested, "logs-subscription",
              Map{{"account", chunk.account},
                  {"region", chunk.region},
                  {"group", chunk.group},
                  {"stream", chunk.stream},
                  {"first_ms", chunk.first.ms},
                  {"sequence", static_cast<std::int64_t>(chunk.sequence)}});
}

void LogStore::begin() {
  const auto last = kernel_.store.read([](Transaction& tx) -> Result<Value> {
    return tx.query("SELECT COALESCE(MAX(last_sequence), 0) AS last FROM log_group").front()["last"];
  });
  const std::lock_guard lock(mutex_);
  // A chunk's events follow its own sequence; none holds a million.
  if (last) sequence_ = static_cast<std::uint64_t>(last->integer()) + 1'000'000;
}

std::shared_ptr<LogStream> LogStore::open(Where where) {
  auto stream = std::make_shared<LogStream>();
  stream->account = std::move(where.account);
  stream->region = std::move(where.region);
  stream->group = std::move(where.group);
  stream->function = std::move(where.function);
  stream->name = std::move(where.name);
  stream->created_at = kernel_.clock.now();
  const std::lock_guard lock(mutex_);
  // Streams of environments that are gone, once many have collected.
  if (by_number_.size() > streams_kept_max && streams_ % 1024 == 0)
    std::erase_if(by_number_,
                  [](const auto& entry) { return entry.second.use_count() == 1 && entry.second->waiting == 0; });
  stream->number = ++streams_;
  by_number_[stream->number] = stream;
  return stream;
}

void LogStore::append(const LogStream& stream, Time at, std::string_view lines) {
  bool begin = false;
  {
    const std::lock_guard lock(mutex_);
    while (!lines.empty()) {
      const auto end = std::min(lines.find('\n'), lines.size());
      add(stream, at, lines.substr(0, std::min(end, line_bytes_max)));
      lines.remove_prefix(std::min(end + 1, lines.size()));
    }
    if (!flusher_ && !stopped_) begin = flusher_ = true;
  }
  if (begin) start_flusher();
}

void LogStore::append_whole(const LogStream& stream, Time at, std::string_view text) {
  bool begin = false;
  {
    const std::lock_guard lock(mutex_);
    add(stream, at, text.substr(0, line_bytes_max));
    if (!flusher_ && !stopped_) begin = flusher_ = true;
  }
  if (begin) start_flusher();
}

void LogStore::add(const LogStream& stream, Time at, std::string_view text) {
  if (pending_.size() + text.size() + sizeof(Head) > pending_bytes_max) {
    ++dropped_;
    return;
  }
  if (dropped_ > 0) {
    const auto note =
        "(" + std::to_string(dropped_) + " lines were dropped here: functions log faster than can be kept)";
    dropped_ = 0;
    append_event(pending_, {++sequence_, at.ms, stream.number, static_cast<std::uint32_t>(note.size())}, note);
    stream.waiting += sizeof(Head) + note.size();
  }
  append_event(pending_, {++sequence_, at.ms, stream.number, static_cast<std::uint32_t>(text.size())}, text);
  stream.waiting += sizeof(Head) + text.size();
}

void LogStore::start_flusher() {
  kernel_.io.spawn([this] {
    kernel_.io.sleep_until(std::chrono::steady_clock::now() + flush_interval);
    {
      const std::lock_guard lock(mutex_);
      flusher_ = false;  // What is appended from now on needs the next one.
    }
    flush();
  });
}

void LogStore::flush() {
  auto batch = std::make_shared<std::string>();
  std::uint64_t upto = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!pending_.empty()) {
      batch->swap(pending_);
      writing_.insert(++batches_);
      recent_bytes_ += batch->size();
      recent_.push_back(batch);
      while (recent_bytes_ > recent_bytes_max && recent_.size() > 1) {
        recent_bytes_ -= recent_.front()->size();
        recent_.pop_front();
      }
    }
    upto = batches_;
  }
  if (!batch->empty()) {
    struct Written {  // Also when the platform stops meanwhile.
      LogStore& logs;
      std::uint64_t number;
      ~Written() {
        {
          const std::lock_guard lock(logs.mutex_);
          logs.writing_.erase(number);
        }
        logs.written_.notify();
      }
    } written{*this, upto};
    write(*batch);
  }
  // What others took before is not there yet.
  for (;;) {
    const auto seen = written_.version();
    {
      const std::lock_guard lock(mutex_);
      if (writing_.empty() || *writing_.begin() > upto) return;
    }
    written_.wait(seen, Time{INT64_MAX});
  }
}

void LogStore::write(const std::string& batch) {
  struct Chunk {
    std::shared_ptr<LogStream> stream;
    std::string events;
    std::size_t bytes = 0;
    std::uint64_t sequence = 0;
    std::int64_t first_ms = INT64_MAX, last_ms = INT64_MIN;
  };
  // By stream and day: the clock may have been moved meanwhile, and a chunk is of a day at most.
  using Key = std::pair<std::uint32_t, std::int64_t>;
  std::map<Key, Chunk> chunks;
  // Neighbours are often of one stream, so the last chunk is tried first. Twice through the heads
  // costs less than growing what is copied.
  Key last_key;
  Chunk* last = nullptr;
  const auto chunk_of = [&](const LogEvent& event) -> Chunk& {
    const Key key{event.stream, event.at.ms / chunk_span_ms_max};
    if (!last || key != last_key) last = &chunks[last_key = key];
    return *last;
  };
  each(batch, [&](const LogEvent& event, std::string_view bytes) {
    auto& chunk = chunk_of(event);
    if (chunk.bytes == 0) chunk.sequence = event.sequence;
    chunk.first_ms = std::min(chunk.first_ms, event.at.ms);
    chunk.last_ms = std::max(chunk.last_ms, event.at.ms);
    chunk.bytes += bytes.size();
  });
  {
    const std::lock_guard lock(mutex_);
    for (auto& [key, chunk] : chunks) {
      const auto found = by_number_.find(key.first);
      if (found == by_number_.end()) continue;  // Its account was reset.
      chunk.stream = found->second;
      chunk.events.reserve(chunk.bytes);
    }
  }
  each(batch, [&](const LogEvent& event, std::string_view bytes) {
    auto& chunk = chunk_of(event);
    if (chunk.stream) chunk.events.append(bytes);
  });
  std::erase_if(chunks, [](const auto& entry) { return !entry.second.stream; });
  if (chunks.empty()) return;
  struct Arrived {  // Or lost.
    LogStore& logs;
    std::map<Key, Chunk>& chunks;
    ~Arrived() {
      const std::lock_guard lock(logs.mutex_);
      for (const auto& [key, chunk] : chunks) chunk.stream->waiting -= chunk.bytes;
    }
  } arrived{*this, chunks};

  const auto now = kernel_.clock.now();
  const auto written = kernel_.store.write([&](Transaction& tx) -> Result<Value> {
    for (const auto& [key, chunk] : chunks) {
      const auto& stream = *chunk.stream;
      widen_stream(tx, {stream.account, stream.region, stream.group, stream.name, {chunk.first_ms}, {chunk.last_ms}},
                   now);
      // New, or deleted while the function went on.
      if (tx.changes() == 0) {
        tx.query(
            "INSERT INTO log_group VALUES (?, ?, ?, ?, NULL, 'STANDARD', '', 0, '{}', 0, 0) ON CONFLICT DO NOTHING",
            stream.account, stream.region, stream.group, now);
        tx.query("INSERT INTO log_stream VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", stream.account,
                 stream.region, stream.group, stream.name, stream.created_at, chunk.first_ms, chunk.last_ms, now);
      }
      insert_chunk(tx, {stream.account,
                        stream.region,
                        stream.group,
                        stream.name,
                        chunk.sequence,
                        {chunk.first_ms},
                        {chunk.last_ms},
                        now,
                        chunk.events});
    }
    return Value();
  });
  if (!written) {
    kernel_.log.error("the log of functions could not be written: " + written.error().message);
    return;
  }

  for (const auto& [key, chunk] : chunks)
    tails_.see(
        {chunk.stream->account, chunk.stream->region, chunk.stream->group, chunk.stream->name, now, chunk.events});

  // Trim groups that have grown by more than a quarter of what they may hold since they were trimmed.
  std::vector<std::shared_ptr<LogStream>> grown;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, chunk] : chunks) {
      auto& bytes = group_bytes_[chunk.stream->account + "/" + chunk.stream->region + chunk.stream->group];
      bytes += static_cast<std::int64_t>(chunk.events.size());
      if (bytes > group_bytes_max / 4) {
        bytes = 0;
        grown.push_back(chunk.stream);
      }
    }
  }
  for (const auto& stream : grown) trim(*stream);
}

void LogStore::trim(const LogStream& stream) {
  const auto trimmed = kernel_.store.write([&](Transaction& tx) -> Result<Value> {
    std::int64_t kept = 0;
    std::optional<LogPlace> newest_gone;
    tx.each(
        "SELECT first_ms, sequence, LENGTH(events) AS bytes FROM log_chunk WHERE account = ? AND region = ? AND "
        "log_group = ? ORDER BY first_ms DESC, sequence DESC",
        {stream.account, stream.region, stream.group}, [&](const Row& row) {
          const auto bytes = row["bytes"].integer();
          if (kept + bytes > group_bytes_max) {
            newest_gone = {row["first_ms"].integer(), static_cast<std::uint64_t>(row["sequence"].integer())};
            return false;
          }
          kept += bytes;
          return true;
        });
    if (!newest_gone) return Value();
    tx.query(
        "DELETE FROM log_chunk WHERE account = ? AND region = ? AND log_group = ? AND (first_ms < ? OR (first_ms = ? "
        "AND sequence <= ?))",
        stream.account, stream.region, stream.group, newest_gone->at_ms, newest_gone->at_ms, newest_gone->sequence);
    tx.query("UPDATE log_group SET stored_bytes = ? WHERE account = ? AND region = ? AND name = ?", kept,
             stream.account, stream.region, stream.group);
    return Value();
  });
  if (!trimmed) kernel_.log.error("a log group could not be trimmed: " + trimmed.error().message);
}

std::vector<LogLine> LogStore::recent(std::string_view account, std::string_view function, std::uint64_t after) {
  std::vector<LogLine> lines;
  const std::lock_guard lock(mutex_);
  const auto take = [&](const std::string& batch) {
    each(batch, [&](const LogEvent& event, std::string_view) {
      if (event.sequence <= after) return;
      const auto found = by_number_.find(event.stream);
      if (found == by_number_.end() || found->second->account != account) return;
      if (!function.empty() && found->second->function != function) return;
      lines.push_back({event.sequence, event.at, found->second->function, std::string(event.text)});
    });
  };
  for (const auto& batch : recent_) take(*batch);
  take(pending_);
  constexpr std::size_t lines_max = 10'000;
  if (lines.size() > lines_max) lines.erase(lines.begin(), lines.end() - lines_max);
  return lines;
}

void LogStore::reset(std::string_view account) {
  tails_.reset(account);
  const std::lock_guard lock(mutex_);
  std::erase_if(by_number_, [&](const auto& entry) { return account.empty() || entry.second->account == account; });
  group_bytes_.clear();
  if (account.empty()) {
    pending_.clear();
    recent_.clear();
    recent_bytes_ = 0;
  }
}

}  // namespace moonbase::functions

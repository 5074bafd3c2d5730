// Loaded before the C library (LD_PRELOAD): a disk that fails, and one that loses power.
//
// MOONBASE_DISK_DATA is the folder that is watched.
//
// Power. MOONBASE_DISK_IMAGE is where the folder's durable state is kept:
//   root           the key of the watched folder
//   files/KEY      a file's content as of its last fsync or fdatasync
//   folders/KEY    a folder's entries as of its last fsync: "f KEY NAME" or "d KEY NAME", each ended by NUL
// KEY is inode and time of birth, so that renaming follows by itself and an inode that is used again is another
// file. What was there when the program began counts as durable. MOONBASE_DISK_FORGET names files whose syncs are
// not believed: the control of the tests.
//
// Failures. MOONBASE_DISK_FAIL is a number n: the n-th of all calls that change something in the folder fails, with
// MOONBASE_DISK_STICKY every one from then on too; as MOONBASE_DISK_ERROR says: EIO, ENOSPC, or "short", which writes
// half. MOONBASE_DISK_COUNT is a file that gets the number of such calls when the program ends. After a sync that
// failed the pages are clean as on Linux: they are lost unless they are written again.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr std::size_t page = 4096;

std::mutex mutex;
std::string data, image, forget, error_name;
long fail_at = 0, calls = 0;
bool sticky = false;
std::map<std::string, std::vector<bool>> lost;  // By key: pages that no sync will write any more.

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

std::string text_of(const char* variable) {
  const char* text = std::getenv(variable);
  return text ? text : "";
}

std::string key_of(int file) {
  struct statx status {};
  if (::statx(file, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0) return {};
  return std::to_string(status.stx_ino) + "-" + std::to_string(status.stx_btime.tv_sec) + "." +
         std::to_string(status.stx_btime.tv_nsec);
}

// Empty where it is not in the watched folder.
std::string watched_path(int file) {
  if (data.empty()) return {};
  char path[4096];
  const auto length = ::readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path, sizeof path);
  if (length <= 0) return {};
  std::string name(path, static_cast<std::size_t>(length));
  return name.starts_with(data) ? name : std::string();
}

std::string content_of(const std::string& path) {
  std::string content;
  if (std::FILE* in = std::fopen(path.c_str(), "re")) {
    char piece[65536];
    while (const auto count = std::fread(piece, 1, sizeof piece, in)) content.append(piece, count);
    std::fclose(in);
  }
  return content;
}

// Written aside and renamed: the old image or the new one, whenever the process is killed.
void keep(const std::string& where, const std::string& content) {
  const auto aside = where + ".new";
  std::FILE* out = std::fopen(aside.c_str(), "we");
  if (!out || std::fwrite(content.data(), 1, content.size(), out) != content.size() || std::fclose(out) != 0 ||
      next<int (*)(const char*, const char*)>("rename")(aside.c_str(), where.c_str()) != 0)
    std::abort();
}

void keep_file(const std::string& key, const std::string& path) {
  auto content = content_of(path);
  const auto where = image + "/files/" + key;
  if (const auto pages = lost.find(key); pages != lost.end()) {
    const auto durable = content_of(where);
    for (std::size_t i = 0; i < pages->second.size() && i * page < content.size(); ++i) {
      if (!pages->second[i]) continue;
      auto old = i * page < durable.size() ? durable.substr(i * page, page) : std::string();
      old.resize(std::min(page, content.size() - i * page));
      content.replace(i * page, old.size(), old);
    }
  }
  keep(where, content);
}

void keep_folder(const std::string& key, const std::string& path) {
  std::string content;
  for (const auto& entry : fs::directory_iterator(path)) {
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) continue;  // Gone meanwhile.
    content.append(entry.is_directory() ? "d " : "f ").append(key_of(file)).append(" ");
    content.append(entry.path().filename().string()).push_back('\0');
    ::close(file);
  }
  keep(image + "/folders/" + key, content);
}

void keep_path(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  (fs::is_directory(path) ? keep_folder : keep_file)(key_of(file), path);
  ::close(file);
}

// What the disk does not hold yet, and what it will never be asked for again.
void lose(int file, const std::string& path) {
  const auto key = key_of(file);
  const auto durable = content_of(image + "/files/" + key), now = content_of(path);
  auto& pages = lost[key];
  pages.resize((now.size() + page - 1) / page);
  for (std::size_t i = 0; i < pages.size(); ++i)
    if (i * page >= durable.size() || durable.compare(i * page, page, now, i * page, page) != 0) pages[i] = true;
}

void written(int file, off_t from, ssize_t bytes) {
  if (bytes <= 0 || image.empty() || watched_path(file).empty()) return;
  const std::lock_guard lock(mutex);
  const auto pages = lost.find(key_of(file));
  if (pages == lost.end()) return;
  for (auto i = static_cast<std::size_t>(from) / page; i <= static_cast<std::size_t>(from + bytes - 1) / page; ++i)
    if (i < pages->second.size()) pages->second[i] = false;
}

bool begin() {
  const auto watched = text_of("MOONBASE_DISK_DATA");
  if (watched.empty()) return true;
  ::unsetenv("LD_PRELOAD");  // Not for the processes that it starts.
  forget = text_of("MOONBASE_DISK_FORGET");
  fail_at = std::atol(text_of("MOONBASE_DISK_FAIL").c_str());
  sticky = !text_of("MOONBASE_DISK_STICKY").empty();
  error_name = text_of("MOONBASE_DISK_ERROR");
  fs::create_directories(watched);
  if (const auto where = text_of("MOONBASE_DISK_IMAGE"); !where.empty()) {
    image = where;
    fs::create_directories(image + "/files");
    fs::create_directories(image + "/folders");
    const auto root = fs::canonical(watched).string();
    keep_path(root);
    for (const auto& entry : fs::recursive_directory_iterator(root)) keep_path(entry.path().string());
    const int folder = ::open(root.c_str(), O_RDONLY | O_CLOEXEC);
    keep(image + "/root", key_of(folder));
    ::close(folder);
  }
  data = fs::canonical(watched).string();  // From here on the others look.
  return true;
}

const bool begun = begin();  // Behind the variables above.

__attribute__((destructor)) void end() {
  const auto where = text_of("MOONBASE_DISK_COUNT");
  data.clear();
  if (!where.empty()) keep(where, std::to_string(calls));
}

// Whether this call is to fail.
bool fails(bool watched) {
  if (!begun || !watched) return false;
  const std::lock_guard lock(mutex);
  ++calls;
  if (fail_at == 0 || (calls != fail_at && !(sticky && calls > fail_at))) return false;
  errno = error_name == "ENOSPC" ? ENOSPC : EIO;
  return true;
}

int sync(const char* name, int file) {
  const auto path = watched_path(file);
  if (fails(!path.empty())) {
    const int reason = errno;
    const std::lock_guard lock(mutex);
    if (!image.empty() && !fs::is_directory(path)) lose(file, path);
    errno = reason;
    return -1;
  }
  const int result = next<int (*)(int)>(name)(file);
  if (result != 0 || image.empty() || path.empty()) return result;
  if (!forget.empty() && path.find(forget) != path.npos) return result;
  const std::lock_guard lock(mutex);
  keep_path(path);  // By its name: a descriptor may be open for writing only.
  return result;
}

ssize_t write_at(const char* name, int file, const void* bytes, std::size_t count, off_t at) {
  const auto real = next<ssize_t (*)(int, const void*, std::size_t, off_t)>(name);
  if (fails(!watched_path(file).empty())) {
    if (error_name != "short" || count < 2) return -1;
    count /= 2;
  }
  const auto result = real(file, bytes, count, at);
  written(file, at, result);
  return result;
}

}  // namespace

#define EXPORTED __attribute__((visibility("default")))
extern "C" {

EXPORTED int fsync(int file) { return sync("fsync", file); }
EXPORTED int fdatasync(int file) { return sync("fdatasync", file); }

EXPORTED ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t at) {
  return write_at("pwrite", file, bytes, count, at);
}
EXPORTED ssize_t pwrite64(int file, const void* bytes, std::size_t count, off64_t at) {
  return write_at("pwrite64", file, bytes, count, at);
}

EXPORTED ssize_t write(int file, const void* bytes, std::size_t count) {
  const auto real = next<ssize_t (*)(int, const void*, std::size_t)>("write");
  if (fails(!watched_path(file).empty())) {
    if (error_name != "short" || count < 2) return -1;
    count /= 2;
  }
  const auto from = ::lseek(file, 0, SEEK_CUR);
  const auto result = real(file, bytes, count);
  if (from >= 0) written(file, from, result);
  return result;
}

EXPORTED int ftruncate(int file, off_t bytes) {
  return fails(!watched_path(file).empty()) ? -1 : next<int (*)(int, off_t)>("ftruncate")(file, bytes);
}
EXPORTED int ftruncate64(int file, off64_t bytes) {
  return fails(!watched_path(file).empty()) ? -1 : next<int (*)(int, off64_t)>("ftruncate64")(file, bytes);
}

EXPORTED int rename(const char* from, const char* to) {
  const bool watched = !data.empty() && std::string(to).starts_with(data);
  return fails(watched) ? -1 : next<int (*)(const char*, const char*)>("rename")(from, to);
}

EXPORTED int mkdir(const char* path, mode_t mode) {
  const bool watched = !data.empty() && std::string(path).starts_with(data);
  return fails(watched) ? -1 : next<int (*)(const char*, mode_t)>("mkdir")(path, mode);
}
}

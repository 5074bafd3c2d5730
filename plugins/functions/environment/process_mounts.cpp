#include "process_mounts.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <string>

namespace moonbase::functions {
namespace {

// Covered by the new root while it is being built; only in this namespace.
const std::string root = "/tmp";

bool make_folder(const std::string& path) {
  for (std::size_t at = 1; at <= path.size(); ++at)
    if (at == path.size() || path[at] == '/') mkdir(path.substr(0, at).c_str(), 0755);
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool make_file(const std::string& path) {
  make_folder(path.substr(0, path.rfind('/')));
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file >= 0) close(file);
  return file >= 0;
}

bool set_attributes(const std::string& path, std::uint64_t set, bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = set;
  return syscall(SYS_mount_setattr, AT_FDCWD, path.c_str(), recursive ? AT_RECURSIVE : 0, &attributes,
                 sizeof attributes) == 0;
}

// A folder or file as it is outside, read-only.
bool show(const std::string& from, const std::string& at) {
  return mount(from.c_str(), at.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0 &&
         set_attributes(at, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, true);
}

// The same for a folder whose path the new root may cover meanwhile.
bool show_descriptor(int from, const std::string& at) {
  return make_folder(at) && show("/proc/self/fd/" + std::to_string(from), at);
}

// /usr and the like, which are links into it on current distributions.
bool show_system_folder(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return true;
  if (S_ISLNK(status.st_mode)) {
    char target[PATH_MAX];
    const auto length = readlink(path.c_str(), target, sizeof target - 1);
    if (length <= 0) return false;
    target[length] = '\0';
    return symlink(target, (root + path).c_str()) == 0;
  }
  return make_folder(root + path) && show(path, root + path);
}

// Name resolution: the file may be a link to where a service keeps it.
void show_resolver() {
  char target[PATH_MAX];
  if (!realpath("/etc/resolv.conf", target)) return;
  const std::string file = target;
  if (file.starts_with("/etc/") || file.starts_with("/usr/") || file.starts_with("/proc/")) return;
  if (make_file(root + file)) show(file, root + file);
}

bool write_text(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return written;
}

// The user that Lambda has, under our number.
bool show_user(std::uint32_t uid) {
  const auto number = std::to_string(uid);
  const auto passwd = root + "/.passwd", group = root + "/.group";
  return write_text(passwd, "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:" + number + ":" + number +
                                "::/home/sbx_user1051:/sbin/nologin\n") &&
         write_text(group, "root:x:0:\nsbx_user1051:x:" + number + ":\n") && show(passwd, root + "/etc/passwd") &&
         show(group, root + "/etc/group") && unlink(passwd.c_str()) == 0 && unlink(group.c_str()) == 0;
}

// The name under which extensions listen for telemetry, beside the names that the host knows.
bool show_hosts(const std::string& address) {
  const int file = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
  if (file < 0 || address.empty()) return true;
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(file, buffer, sizeof buffer)) > 0 && text.size() < 256 * 1024;)
    text.append(buffer, static_cast<std::size_t>(got));
  close(file);
  const auto hosts = root + "/.hosts";
  return write_text(hosts, text + "\n" + address + " sandbox.localdomain sandbox\n") &&
         show(hosts, root + "/etc/hosts") && unlink(hosts.c_str()) == 0;
}

bool show_devices() {
  for (const char* name : {"null", "zero", "full", "random", "urandom"}) {
    const auto path = std::string("/dev/") + name;
    if (!make_file(root + path) || mount(path.c_str(), (root + path).c_str(), nullptr, MS_BIND, nullptr) != 0)
      return false;
  }
  static_cast<void>(symlink("/proc/self/fd", (root + "/dev/fd").c_str()));
  for (int number = 0; number < 3; ++number) {
    const char* const names[] = {"stdin", "stdout", "stderr"};
    static_cast<void>(
        symlink(("/proc/self/fd/" + std::to_string(number)).c_str(), (root + "/dev/" + names[number]).c_str()));
  }
  return true;
}

bool show_processes() {
  const auto at = root + "/proc";
  if (!make_folder(at)) return false;
  if (mount("proc", at.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0) return true;
  // A container may hide parts of /proc, and then nobody inside may mount it anew.
  return mount("/proc", at.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0;
}

int open_folder(const std::string& path) { return path.empty() ? -1 : open(path.c_str(), O_PATH | O_CLOEXEC); }

}  // namespace

const char* enter_folders(const ProcessFolders& folders) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "private mounts";
  const int code = open_folder(folders.code), layers = open_folder(folders.layers),
            runtime = open_folder(folders.runtime), language = open_folder(folders.language);
  if (mount("root", root.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") != 0) return "root";
  for (const char* path : {"/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"})
    if (!show_system_folder(path)) return path;
  show_resolver();
  if (!show_user(folders.uid)) return "/etc/passwd";
  if (!show_hosts(folders.address)) return "/etc/hosts";
  if (!show_devices()) return "/dev";
  if (!folders.code.empty() && !show_descriptor(code, root + "/var/task")) return "/var/task";
  if (!folders.runtime.empty() && !show_descriptor(runtime, root + "/var/runtime")) return "/var/runtime";
  if (!folders.language.empty() && !show_descriptor(language, root + "/var/lang")) return "/var/lang";
  if (folders.layers.empty() ? !make_folder(root + "/opt") : !show_descriptor(layers, root + "/opt")) return "/opt";
  for (const int descriptor : {code, layers, runtime, language})
    if (descriptor >= 0) close(descriptor);
  if (!show_processes()) return "/proc";
  const auto size = "mode=1777,size=" + std::to_string(folders.tmp_bytes);
  if (!make_folder(root + "/tmp") ||
      mount("tmp", (root + "/tmp").c_str(), "tmpfs", MS_NOSUID | MS_NODEV, size.c_str()) != 0)
    return "/tmp";
  if (!set_attributes(root, MOUNT_ATTR_RDONLY, false)) return "read-only root";
  if (chdir(root.c_str()) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 ||
      chdir("/") != 0)
    return "pivot_root";
  return nullptr;
}

}  // namespace moonbase::functions

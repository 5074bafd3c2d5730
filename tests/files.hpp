// A folder with files that goes with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>

class Files {
 public:
  struct File {
    std::string name, text;
  };
  explicit Files(std::initializer_list<File> files) {
    std::string name = (std::filesystem::temp_directory_path() / "moonbase-files-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
    for (const auto& file : files) write(file.name, file.text);
  }
  ~Files() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file) << text;
  }
  std::string path(const std::string& file = "") const { return (path_ / file).string(); }

 private:
  std::filesystem::path path_;
};

#include "lambda/invocation_log.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t tail_bytes_max = 4096;

}  // namespace

void InvocationLog::write(std::string_view lines) {
  if (lines.empty()) return;
  logs_.append(stream_, clock_.now(), lines);
  if (!tail_) return;
  tail_->append(lines);
  if (tail_->back() != '\n') tail_->push_back('\n');
  if (tail_->size() > 4 * tail_bytes_max) tail_->erase(0, tail_->size() - tail_bytes_max);
}

void InvocationLog::printed(std::string_view lines) {
  if (!format_.json) return write(lines);
  write(application_lines(format_, clock_.now(), request_id_, lines));
}

void InvocationLog::failed(std::string_view json) { write(failure_lines(format_, clock_.now(), request_id_, json)); }

void InvocationLog::ended(std::string_view how) {
  write("RequestId: " + std::string(request_id_) + " Error: " + std::string(how) + "\nRuntime.ExitError");
}

void InvocationLog::report(const InvocationReport& report) {
  write(report_lines(format_, clock_.now(), report));
  if (tail_ && tail_->size() > tail_bytes_max) tail_->erase(0, tail_->size() - tail_bytes_max);
}

}  // namespace moonbase::functions

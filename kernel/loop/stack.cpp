#include "loop/stack.hpp"

#include "loop/sanitizers.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace moonbase::loop {
namespace {

constexpr std::size_t warm_stacks_max = 128;   // Ready to run on; at most some MB in all.
constexpr std::size_t cold_stacks_max = 4096;  // Only address space.

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

void unmap(Stack stack) {
#ifdef MOONBASE_ASAN
  // Whoever gets this address next (SQLite maps its index by itself) must not find old marks on it.
  __asan_unpoison_memory_region(stack.bottom, stack.bytes);
#endif
  munmap(static_cast<char*>(stack.bottom) - page_bytes(), stack.bytes + page_bytes());
}

}  // namespace

StackPool::StackPool(std::size_t stack_bytes)
    : stack_bytes_((stack_bytes + page_bytes() - 1) / page_bytes() * page_bytes()) {}

StackPool::~StackPool() {
  for (const auto& stack : warm_) unmap(stack);
  for (const auto& stack : cold_) unmap(stack);
}

Stack StackPool::take() {
  for (auto* pool : {&warm_, &cold_}) {
    if (pool->empty()) continue;
    const auto stack = pool->back();
    pool->pop_back();
    return stack;
  }
  const auto bytes = stack_bytes_ + page_bytes();
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // Huge pages would turn a fiber's first touch into two megabytes.
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  if (mprotect(memory, page_bytes(), PROT_NONE) != 0) {
    munmap(memory, bytes);
    throw std::bad_alloc();
  }
  return {static_cast<char*>(memory) + page_bytes(), stack_bytes_};
}

void StackPool::give_back(Stack stack) {
  if (warm_.size() < warm_stacks_max) {
    warm_.push_back(stack);
  } else if (cold_.size() < cold_stacks_max) {
    madvise(stack.bottom, stack.bytes, MADV_DONTNEED);
    cold_.push_back(stack);
  } else {
    unmap(stack);
  }
}

}  // namespace moonbase::loop

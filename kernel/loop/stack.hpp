// Stacks for fibers: address space is reserved, memory is only what was touched, and running over
// the end hits a page without access.
#pragma once

#include <cstddef>
#include <vector>

namespace moonbase::loop {

struct Stack {
  void* bottom = nullptr;  // Lowest usable address.
  std::size_t bytes = 0;
  void* top() const { return static_cast<char*>(bottom) + bytes; }
};

// Keeps what has been given back. Belongs to one loop; not for several threads.
class StackPool {
 public:
  explicit StackPool(std::size_t stack_bytes);
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  // Throws std::bad_alloc when the machine gives no more memory maps.
  Stack take();
  void give_back(Stack stack);

 private:
  const std::size_t stack_bytes_;
  std::vector<Stack> warm_, cold_;  // With their touched pages, and without.
};

}  // namespace moonbase::loop

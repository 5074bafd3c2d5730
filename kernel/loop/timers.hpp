// A heap of fibers by deadline, in which each fiber appears at most once and knows its place.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace moonbase::loop {

// `Place` is a pointer to the std::size_t member of Node in which its place is kept; no_place while
// it is not in the heap.
inline constexpr std::size_t no_place = static_cast<std::size_t>(-1);

template <class Node, class Moment, std::size_t Node::*Place>
class Timers {
 public:
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  Moment first_moment() const { return entries_.front().moment; }
  Node& first() const { return *entries_.front().node; }
  Moment moment_of(const Node& node) const { return entries_[node.*Place].moment; }

  void set(Node& node, Moment moment) {
    if (node.*Place == no_place) {
      node.*Place = entries_.size();
      entries_.push_back({moment, &node});
      up(entries_.size() - 1);
      return;
    }
    auto& entry = entries_[node.*Place];
    const bool sooner = moment < entry.moment;
    entry.moment = moment;
    sooner ? up(node.*Place) : down(node.*Place);
  }

  void remove(Node& node) {
    const auto place = node.*Place;
    if (place == no_place) return;
    node.*Place = no_place;
    const auto last = entries_.back();
    entries_.pop_back();
    if (place == entries_.size()) return;
    put(place, last);
    up(place);
    down(last.node->*Place);
  }

 private:
  struct Entry {
    Moment moment;
    Node* node;
  };

  void put(std::size_t place, Entry entry) {
    entries_[place] = entry;
    entry.node->*Place = place;
  }

  void up(std::size_t place) {
    const auto entry = entries_[place];
    while (place > 0) {
      const auto parent = (place - 1) / 2;
      if (!(entry.moment < entries_[parent].moment)) break;
      put(place, entries_[parent]);
      place = parent;
    }
    put(place, entry);
  }

  void down(std::size_t place) {
    const auto entry = entries_[place];
    while (true) {
      auto child = place * 2 + 1;
      if (child >= entries_.size()) break;
      if (child + 1 < entries_.size() && entries_[child + 1].moment < entries_[child].moment) ++child;
      if (!(entries_[child].moment < entry.moment)) break;
      put(place, entries_[child]);
      place = child;
    }
    put(place, entry);
  }

  std::vector<Entry> entries_;
};

}  // namespace moonbase::loop

// swap/cluster_lists.h - the clusters of one device and the lists they are in.
//
// Mirrors: free_clusters, nonfull_clusters, frag_clusters, full_clusters and
// discard_clusters of struct swap_info_struct, Linux 6.18, with move_cluster and
// isolate_lock_cluster. Differs: nobody else holds a cluster's lock, so the first of a
// list is always to be had.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/report.h"
#include "swap/cluster.h"

namespace quire::swap {

// Lists of clusters, in the order they came.
//
// Owns        : the clusters
// Invariants  : I-SWAP-3 each cluster is once in the list it names, and in no other
// Complexity  : everything takes the same time however many clusters there are
class ClusterLists {
 public:
  using Index = std::uint32_t;

  // `count` empty clusters in no list.
  explicit ClusterLists(std::uint32_t count) : clusters_(count) {}

  [[nodiscard]] Cluster& operator[](Index i) { return clusters_[i]; }
  [[nodiscard]] const Cluster& operator[](Index i) const { return clusters_[i]; }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(clusters_.size()); }
  // One more, in no list.
  Index grow();

  // Puts the cluster at the end of a list, out of the one it is in. Nonfull and
  // fragmented clusters have a list for each order: that of their own.
  void move(Index i, ClusterList to);
  // Takes the first cluster out of a list; nothing when there is none.
  [[nodiscard]] std::optional<Index> isolate(ClusterList list, Order order = kOrder0);

  // The clusters of one list, first to last.
  [[nodiscard]] std::vector<Index> members(ClusterList list, Order order = kOrder0) const;

  void check_invariants(base::InvariantReport& out) const;

 private:
  static constexpr Index kEnd = 0xffffffffU;
  struct Ends {
    Index first = kEnd;
    Index last = kEnd;
  };
  [[nodiscard]] Ends& ends(ClusterList list, Order order);
  [[nodiscard]] const Ends& ends(ClusterList list, Order order) const;
  void unlink(Index i);

  std::vector<Cluster> clusters_;
  Ends free_, full_, discard_;
  std::array<Ends, kSwapOrders> nonfull_, frag_;
};

}  // namespace quire::swap

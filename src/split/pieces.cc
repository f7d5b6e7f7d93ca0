#include "split/pieces.h"

namespace quire::split {
namespace {

// Halves the block that holds the page until it has the order wanted.
void halve(Order order, PageCount first, Order to, PageCount page, std::vector<Order>& out) {
  if (order == to) return out.push_back(order);
  const unsigned half = order.raw() - 1;
  const Order next(half == 1 ? 0 : half);  // from four pages to single ones at once
  const PageCount end = first + order.pages();
  for (PageCount at = first; at < end; at += next.pages()) {
    if (page < at || page >= at + next.pages()) {
      out.push_back(next);
    } else {
      halve(next, at, to, page, out);
    }
  }
}

}  // namespace

std::vector<Order> pieces_of(Order from, const vm::SplitRequest& request) {
  std::vector<Order> pieces;
  if (request.round) {
    halve(from, PageCount(0), request.to, *request.round, pieces);
  } else {
    pieces.assign(std::size_t{1} << (from.raw() - request.to.raw()), request.to);
  }
  return pieces;
}

}  // namespace quire::split

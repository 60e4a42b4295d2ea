/// Returns the product of `factors`, or nil if it does not fit an `Int`.
public func checkedProduct(_ factors: some Sequence<Int>) -> Int? {
  var product = 1
  for factor in factors {
    let (result, overflow) = product.multipliedReportingOverflow(by: factor)
    if overflow { return nil }
    product = result
  }
  return product
}

/// Returns the sum of `terms`, or nil if it does not fit an `Int`.
public func checkedSum(_ terms: some Sequence<Int>) -> Int? {
  var sum = 0
  for term in terms {
    let (result, overflow) = sum.addingReportingOverflow(term)
    if overflow { return nil }
    sum = result
  }
  return sum
}

/// Returns the product of `factors` as a number of elements to allocate.
///
/// - Throws: `outOfMemory`, naming `what`, if the product does not fit.
public func elementCount(_ factors: Int..., of what: @autoclosure () -> String) throws(CNNError)
  -> Int
{
  guard let count = checkedProduct(factors), count >= 0, count <= Shape.maximumCount else {
    throw CNNError(.outOfMemory, "\(what()) would have more elements than memory can hold")
  }
  return count
}

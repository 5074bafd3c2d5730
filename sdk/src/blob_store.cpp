#include <moonbase/blob_store.hpp>

namespace moonbase {

std::string BlobStore::put(std::string_view bytes) {
  const auto writer = create();
  writer->append(bytes);
  return writer->finish();
}

std::string BlobStore::get(const std::string& id) const { return read(id, 0, size(id)); }

}  // namespace moonbase

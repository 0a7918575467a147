// The table of a folder of third-party captures, named by the environment variable MXWARDEN_CORPUS.
#pragma once

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace mxw::capture {

// Column name to value.
using CorpusRow = std::map<std::string, std::string>;

inline std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, '\t');) out.push_back(field);
  return out;
}

inline std::vector<CorpusRow> corpus_manifest(const std::string& folder) {
  std::ifstream file(folder + "/MANIFEST.tsv");
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> names = fields(line);
  std::vector<CorpusRow> rows;
  while (std::getline(file, line)) {
    const std::vector<std::string> values = fields(line);
    CorpusRow row;
    for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i)
      row[names[i]] = values[i];
    rows.push_back(row);
  }
  return rows;
}

}  // namespace mxw::capture

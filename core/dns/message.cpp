#include "core/dns/message.hpp"

#include <algorithm>

#include "core/base/limits.hpp"
#include "core/dns/wire_name.hpp"

namespace mxw::dns {
namespace {

constexpr std::uint16_t kClassIn = 1;          // RFC 1035 section 3.2.4
constexpr std::size_t kLeastRecordBytes = 11;  // root name, type, class, TTL, rdlength

class MessageParser {
 public:
  MessageParser(Bytes wire, Message& message) : wire_(wire), message_(message) {}

  void run() {
    ByteReader header(wire_.first(kHeaderBytes));
    message_.id = header.u16();
    flags(header.u16());
    const std::uint16_t questions = header.u16(), answers = header.u16();
    const std::uint16_t authority = header.u16(), additional = header.u16();
    (void)(read_questions(questions) && read_records(answers, message_.answers) &&
           read_records(authority, message_.authority) &&
           read_records(additional, message_.additional));
    extend_rcode();
  }

 private:
  void flags(unsigned bits) {
    const auto bit = [bits](unsigned n) { return (bits >> n & 1U) != 0; };
    message_.response = bit(15);
    message_.opcode = static_cast<std::uint8_t>(bits >> 11 & 0xfU);
    message_.aa = bit(10);
    message_.tc = bit(9);
    message_.rd = bit(8);
    message_.ra = bit(7);
    message_.ad = bit(5);
    message_.cd = bit(4);
    message_.rcode = static_cast<std::uint16_t>(bits & 0xfU);
  }

  bool stop(Defect defect) {
    message_.defect = defect;
    return false;
  }

  bool read_questions(std::uint16_t count) {
    for (std::uint16_t i = 0; i < count; ++i) {
      if (kept_++ == limits::kDnsRecords) return stop(Defect::too_many_records);
      Question question;
      if (const Defect d = read_name(wire_, at_, question.name); d != Defect::none) return stop(d);
      ByteReader fixed(wire_.subspan(at_));
      question.type = fixed.u16();
      question.klass = fixed.u16();
      if (!fixed.ok()) return stop(Defect::truncated);
      at_ += fixed.offset();
      message_.questions.push_back(std::move(question));
    }
    return true;
  }

  bool read_records(std::uint16_t count, std::vector<Record>& section) {
    // The count is the sender's word: no more is set aside than the octets left could hold.
    section.reserve(std::min(
        {std::size_t{count}, limits::kDnsRecords, (wire_.size() - at_) / kLeastRecordBytes}));
    for (std::uint16_t i = 0; i < count; ++i) {
      if (kept_++ == limits::kDnsRecords) return stop(Defect::too_many_records);
      Record record;
      if (const Defect d = read_record(record); d != Defect::none) return stop(d);
      section.push_back(std::move(record));
    }
    return true;
  }

  Defect read_record(Record& record) {
    if (const Defect d = read_name(wire_, at_, record.name); d != Defect::none) return d;
    ByteReader fixed(wire_.subspan(at_));
    record.type = fixed.u16();
    record.klass = fixed.u16();
    record.ttl = fixed.u32();
    const std::uint16_t length = fixed.u16();
    if (!fixed.ok() || fixed.left() < length) return Defect::truncated;
    at_ += fixed.offset();
    const std::size_t end = at_ + length;
    const Defect defect = read_data(record, wire_.subspan(at_, length));
    at_ = end;
    return defect;
  }

  // Only class IN: what other classes write under these types has other shapes (RFC 2136
  // section 2.4).
  Defect read_data(Record& record, Bytes data) {
    if (record.klass != kClassIn) return Defect::none;
    switch (static_cast<Type>(record.type)) {
      case Type::a:
        if (data.size() != 4) return Defect::bad_record;
        record.data = IpAddress::from_v4(data);
        return Defect::none;
      case Type::aaaa:
        if (data.size() != 16) return Defect::bad_record;
        record.data = IpAddress::from_v6(data);
        return Defect::none;
      case Type::ns:
      case Type::cname:
        return read_target(record.data.emplace<Alias>().target, at_, data.size());
      case Type::mx:
        return read_mx(record.data.emplace<Mx>(), data);
      case Type::txt:
        return read_txt(record.data.emplace<Txt>(), data);
      case Type::tlsa:
        return read_tlsa(record.data.emplace<Tlsa>(), data);
      default:
        return Defect::none;
    }
  }

  // A name that must fill exactly the rest of the record.
  Defect read_target(std::string& name, std::size_t from, std::size_t size) {
    std::size_t at = from;
    if (const Defect d = read_name(wire_, at, name); d != Defect::none) return d;
    return at == from + size ? Defect::none : Defect::bad_record;
  }

  Defect read_mx(Mx& mx, Bytes data) {
    ByteReader reader(data);
    mx.preference = reader.u16();
    if (!reader.ok()) return Defect::bad_record;
    return read_target(mx.exchange, at_ + reader.offset(), reader.left());
  }

  static Defect read_txt(Txt& txt, Bytes data) {
    ByteReader reader(data);
    do {
      txt.strings.emplace_back(as_text(reader.take_u8()));
    } while (reader.left() > 0);
    return reader.ok() ? Defect::none : Defect::bad_record;
  }

  static Defect read_tlsa(Tlsa& tlsa, Bytes data) {
    ByteReader reader(data);
    tlsa.usage = reader.u8();
    tlsa.selector = reader.u8();
    tlsa.matching = reader.u8();
    const Bytes rest = reader.rest();
    tlsa.data.assign(rest.begin(), rest.end());
    return reader.ok() ? Defect::none : Defect::bad_record;
  }

  // RFC 6891 section 6.1.3: the OPT record's TTL begins with the upper eight bits of the rcode.
  void extend_rcode() {
    const auto opt = std::find_if(
        message_.additional.begin(), message_.additional.end(), [](const Record& record) {
          return record.type == static_cast<std::uint16_t>(Type::opt) && record.name == ".";
        });
    if (opt == message_.additional.end()) return;
    message_.rcode = static_cast<std::uint16_t>(message_.rcode | (opt->ttl >> 24) << 4);
  }

  Bytes wire_;
  Message& message_;
  std::size_t at_ = kHeaderBytes;
  std::size_t kept_ = 0;
};

}  // namespace

std::optional<Message> parse(Bytes wire) {
  if (wire.size() < kHeaderBytes) return std::nullopt;
  Message message;
  MessageParser(wire, message).run();
  return message;
}

}  // namespace mxw::dns

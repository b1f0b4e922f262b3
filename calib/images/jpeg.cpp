// What libjpeg notices in the coded data of a JPEG. Decoders guess at what is missing or wrong, and go on.
#include <csetjmp>
#include <cstdint>
#include <cstdio>

#include <jerror.h>
#include <jpeglib.h>

#include "calib/images/image_file.hpp"

namespace tessera {
namespace {

struct Listener : jpeg_error_mgr {
  std::jmp_buf giveUp;
  int code = 0;  // of the first that it heard
  char why[JMSG_LENGTH_MAX] = "";
};

Listener& listenerOf(j_common_ptr jpeg) { return *static_cast<Listener*>(jpeg->err); }

void note(j_common_ptr jpeg) {
  Listener& listener = listenerOf(jpeg);
  if (listener.code != 0) return;
  listener.code = listener.msg_code;
  listener.format_message(jpeg, listener.why);
}

void noteAndGiveUp(j_common_ptr jpeg) {
  note(jpeg);
  std::longjmp(listenerOf(jpeg).giveUp, 1);
}

// Bytes too many before the end are no harm, some cameras write them; before a restart marker the data had
// another length than they should.
void noteDamage(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  switch (listenerOf(jpeg).msg_code) {
    case JWRN_EXTRANEOUS_DATA:
      if (const int marker = listenerOf(jpeg).msg_parm.i[1]; marker < JPEG_RST0 || marker > JPEG_RST0 + 7)
        return;
      [[fallthrough]];
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
      note(jpeg);
  }
}

// Decodes to an eighth of the size, which reads all coded data and computes little. `row` holds one line of
// it.
void decodeSmall(jpeg_decompress_struct& jpeg) {
  jpeg_read_header(&jpeg, TRUE);
  jpeg.scale_num = 1, jpeg.scale_denom = 8;
  jpeg_start_decompress(&jpeg);
  const JSAMPARRAY row = jpeg.mem->alloc_sarray(reinterpret_cast<j_common_ptr>(&jpeg), JPOOL_IMAGE,
                                                jpeg.output_width * jpeg.output_components, 1);
  while (jpeg.output_scanline < jpeg.output_height) jpeg_read_scanlines(&jpeg, row, 1);
  jpeg_finish_decompress(&jpeg);
}

}  // namespace

// The only objects that a jump passes over are those of libjpeg, which it destroys itself.
std::string whyJpegDamaged(std::string_view bytes) {
  Listener listener;
  jpeg_decompress_struct jpeg{};
  jpeg.err = jpeg_std_error(&listener);
  listener.error_exit = noteAndGiveUp;
  listener.emit_message = noteDamage;
  if (setjmp(listener.giveUp) == 0) {
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    decodeSmall(jpeg);
  }
  jpeg_destroy_decompress(&jpeg);
  if (listener.code == 0) return {};
  if (listener.code == JWRN_JPEG_EOF) return kEndsEarly;
  return "it is damaged (" + std::string(listener.why) + ")";
}

}  // namespace tessera

/* The names of files that come and go with messages. */
#ifndef FILE_NAME_H
#define FILE_NAME_H

enum { FILE_NAME_BYTES = 256 /* with the NUL */ };

/* Makes a file name harmless: the last component only (behind / and \), nothing hidden (control, bidi and zero-width
 * characters and bytes that are not UTF-8 are left out), no dot at the beginning, at most 255 bytes. What is left empty
 * becomes "file". For names that we send and, again, for names that we are sent. */
void file_name_clean(char out[static FILE_NAME_BYTES], const char *path);

#endif

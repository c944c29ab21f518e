/*
 * Functions that overflow, race or hide errors do not compile here. Comes after all system headers.
 */
#ifndef RIACHO_BANNED_H
#define RIACHO_BANNED_H

#undef strcpy
#define strcpy(to, from) use_buf_puts_instead_of_strcpy
#undef strcat
#define strcat(to, from) use_buf_puts_instead_of_strcat
#undef strncpy
#define strncpy(to, from, n) use_mem_strn_instead_of_strncpy
#undef sprintf
#define sprintf(...) use_snprintf_or_buf_printf_instead_of_sprintf
#undef vsprintf
#define vsprintf(...) use_vsnprintf_instead_of_vsprintf
#undef strtok
#define strtok(text, seps) use_str_split_instead_of_strtok
#undef atoi
#define atoi(text) use_str_to_int_instead_of_atoi
#undef atol
#define atol(text) use_str_to_int_instead_of_atol
#undef gmtime
#define gmtime(t) use_gmtime_r_instead_of_gmtime
#undef localtime
#define localtime(t) use_localtime_r_instead_of_localtime

#endif

/*
 * DuckDB hands our data from one of its threads to another under locks of its own. Its library is
 * not built with the thread sanitizer, which therefore sees neither; these two tell it. Nothing
 * otherwise.
 */
#ifndef RIACHO_DUCK_THREADS_H
#define RIACHO_DUCK_THREADS_H

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define DUCK_THREADS_SANITIZED 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define DUCK_THREADS_SANITIZED 1
#endif

#ifdef DUCK_THREADS_SANITIZED
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define duck_threads_took(data) __tsan_acquire(data)
#define duck_threads_gives(data) __tsan_release(data)
#else
#define duck_threads_took(data) ((void)(data))
#define duck_threads_gives(data) ((void)(data))
#endif

#endif
